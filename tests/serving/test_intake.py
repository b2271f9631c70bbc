"""Events of many requests share commits: answered after them, bounded, and none waits for ever."""

import asyncio
import threading
from contextlib import suppress

import pytest

from coldframe.errors import StoreBusyError, StoreError
from coldframe.serving import intake
from coldframe.serving.intake import Intake
from coldframe.store.protocol import EventReport
from coldframe.testing.store_samples import event, events


class SlowStore:
    """Commits when it is told to; keeps the groups as they came."""

    def __init__(self):
        self.groups, self.go, self.failure = [], threading.Semaphore(0), None

    def append_events(self, given):
        assert self.go.acquire(timeout=30)
        if self.failure:
            raise self.failure
        self.groups.append([each.event_id for each in given])
        return [EventReport(event_id=each.event_id, status="accepted") for each in given]


def numbers(*reports):
    return [[int(report.event_id[1:]) for report in each] for each in reports]


async def begun(*coroutines):
    """Start coroutines and let each come as far as it can."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    await asyncio.sleep(0.01)
    return tasks


def test_what_gathers_during_a_commit_is_the_next_one():
    store = SlowStore()

    async def run():
        taken = Intake(store, limit=100)
        first = await begun(taken.append([event(0)]))
        rest = await begun(*(taken.append(events(number * 10, number * 10 + 2)) for number in range(1, 5)))
        assert not any(task.done() for task in [*first, *rest])
        store.go.release()
        assert numbers(await first[0]) == [[0]]
        assert not any(task.done() for task in rest)
        store.go.release()
        return numbers(*(await asyncio.gather(*rest)))

    assert asyncio.run(run()) == [[10, 11], [20, 21], [30, 31], [40, 41]]
    assert [len(group) for group in store.groups] == [1, 8]


def test_a_group_has_an_end(monkeypatch):
    monkeypatch.setattr(intake, "GROUP_EVENTS", 5)
    store = SlowStore()

    async def run():
        taken = Intake(store, limit=100)
        tasks = await begun(
            *(taken.append(events(number, number + size)) for number, size in ((0, 3), (10, 3), (20, 9)))
        )
        store.go.release(3)
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert [len(group) for group in store.groups] == [3, 3, 9]


def test_beyond_the_bound_a_request_is_refused_and_the_others_go_on():
    store = SlowStore()

    async def run():
        taken = Intake(store, limit=10)
        tasks = await begun(taken.append(events(0, 7)), taken.append(events(10, 13)))
        with pytest.raises(StoreBusyError, match="10 events wait"):
            await taken.append([event(20)])
        store.go.release(2)
        await asyncio.gather(*tasks)
        store.go.release()
        assert len(await taken.append(events(100, 150))) == 50

    asyncio.run(run())


def test_a_commit_that_fails_fails_its_group_alone():
    store = SlowStore()

    async def run():
        taken = Intake(store, limit=100)
        tasks = await begun(taken.append([event(0)]), taken.append([event(1)]))
        store.failure = StoreError("The disk is full.")
        store.go.release(2)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [str(result) for result in results] == ["The disk is full."] * 2
        store.failure = None
        store.go.release()
        assert len(await taken.append([event(0)])) == 1

    asyncio.run(run())


def test_a_client_that_leaves_takes_nothing_from_the_others():
    store = SlowStore()

    async def run():
        taken = Intake(store, limit=100)
        await begun(taken.append([event(0)]))
        leaves, stays = await begun(taken.append([event(1)]), taken.append([event(2)]))
        leaves.cancel()
        with suppress(asyncio.CancelledError):
            await leaves
        store.go.release(2)
        assert numbers(await stays) == [[2]]

    asyncio.run(run())
    assert [each for group in store.groups for each in group] == ["e000000", "e000001", "e000002"]


def test_no_events_are_no_commit():
    assert asyncio.run(Intake(SlowStore(), limit=1).append([])) == []
