"""What every store must do with leases, trainings and arrivals: `store_contract.StoreContract` includes them.

Owns the promises of `coldframe.store.ledger`. Knows no kind of store.
"""
# ruff: noqa: S101

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec

from coldframe.clock import system_clock
from coldframe.store.ledger import Freshness, Lease, TrainingRun
from coldframe.store.protocol import Store
from coldframe.testing.store_samples import DAY, HOUR, START, event, events, frame

MINUTE = timedelta(minutes=1)


def take(store: Store, owner: str, at: datetime) -> Lease:
    """Take the lease "train" for five minutes; return who holds it then."""
    return store.take_lease("train", owner=owner, now=at, until=at + 5 * MINUTE)


def training(number: int) -> TrainingRun:
    """Return training `number`, begun so many hours after `START`."""
    return TrainingRun(run=f"t{number}", owner="ann", started_at=START + number * HOUR)


class LeaseContract:
    """One holder at a time, whatever happens to the holders."""

    def test_the_first_who_asks_holds_it(self, store: Store) -> None:
        """Others are told who and since when; a lease of another name is another lease."""
        assert store.lease("train") is None
        mine = take(store, "a", START)
        assert (mine.owner, mine.taken_at, mine.beat_at, mine.expires_at) == ("a", START, START, START + 5 * MINUTE)
        assert take(store, "b", START + MINUTE) == mine == store.lease("train")
        assert store.take_lease("tidy", owner="b", now=START, until=START + MINUTE).owner == "b"

    def test_a_heartbeat_prolongs_it(self, store: Store) -> None:
        """The holder's start stays what it was."""
        take(store, "a", START)
        assert store.renew_lease("train", owner="a", now=START + 4 * MINUTE, until=START + 9 * MINUTE)
        held = take(store, "b", START + 6 * MINUTE)
        assert (held.owner, held.taken_at, held.beat_at) == ("a", START, START + 4 * MINUTE)

    def test_it_ends_by_itself(self, store: Store) -> None:
        """At the very moment; whoever had it can neither renew it nor give it back any more."""
        take(store, "a", START)
        assert take(store, "b", START + 5 * MINUTE).owner == "b"
        assert not store.renew_lease("train", owner="a", now=START + 6 * MINUTE, until=START + DAY)
        assert not store.release_lease("train", owner="a")
        held = store.lease("train")
        assert held is not None
        assert (held.owner, held.expires_at) == ("b", START + 10 * MINUTE)

    def test_given_back_it_is_free(self, store: Store) -> None:
        """At once; giving it back twice says so."""
        take(store, "a", START)
        assert store.release_lease("train", owner="a")
        assert not store.release_lease("train", owner="a")
        assert not store.renew_lease("train", owner="a", now=START, until=START + DAY)
        assert take(store, "b", START).owner == "b"

    def test_of_many_who_ask_at_once_one_gets_it(self, reopen: Callable[[], Store]) -> None:
        """Through stores of their own, as processes have."""
        stores = [reopen() for _ in range(4)]
        with ThreadPoolExecutor(8) as pool:
            owners = list(pool.map(lambda n: take(stores[n % 4], f"owner {n}", START).owner, range(32)))
        assert len(set(owners)) == 1
        for store in stores:
            store.close()


class TrainingContract:
    """What became of each training."""

    def test_the_newest_training_comes_first(self, store: Store) -> None:
        """Whatever the order they were put in; at most `limit`."""
        for number in (1, 3, 0, 2):
            store.put_training(training(number))
        assert [each.run for each in store.trainings(limit=3)] == ["t3", "t2", "t1"]

    def test_a_training_is_replaced_by_what_became_of_it(self, store: Store, reopen: Callable[[], Store]) -> None:
        """Every field survives, also reopening."""
        store.put_training(training(1))
        ended = msgspec.structs.replace(
            training(1),
            outcome="promoted",
            as_of=START,
            ended_at=START + DAY,
            read_at=START + HOUR,
            promoted_at=START + DAY,
            bundle="v1-abc",
            events=7,
            newest_event=START,
            freshness=Freshness(events=3, p50_minutes=1.5, p95_minutes=2.5),
            seconds={"read": 0.5},
            message="fine",
        )
        store.put_training(ended)
        store.close()
        again = reopen()
        assert list(again.trainings()) == [ended]
        again.close()


class ArrivalContract:
    """When events were accepted, by the store's own clock."""

    def test_accepted_events_are_counted_by_second(self, store: Store) -> None:
        """Live and imported ones, each once; refused and repeated ones are not."""
        before = system_clock().replace(microsecond=0)
        store.append_events([event(1), event(2), event(2), event(3, user_id=None)])
        store.append_events([event(1)])
        store.import_events([frame(events(2, 7))])
        after = system_clock()
        found = store.arrivals()
        assert sum(number for _, number in found) == 6
        assert all(before <= second <= after for second, _ in found)
        assert found == sorted(found)

    def test_sealing_accepts_nothing_anew(self, store: Store) -> None:
        """And forgets nothing."""
        store.append_events(events(0, 30))
        found = store.arrivals()
        store.seal(before=START + DAY)
        assert store.arrivals() == found

    def test_arrivals_are_read_and_forgotten_by_time(self, store: Store) -> None:
        """Start is within, end is not; the events stay."""
        store.append_events(events(0, 3))
        second, number = store.arrivals()[0]
        assert store.arrivals(start=second, end=second + timedelta(seconds=1)) == [(second, number)]
        assert store.arrivals(end=second) == []
        assert store.arrivals(start=second + DAY) == []
        store.forget_arrivals(before=second)
        assert store.arrivals()[0] == (second, number)
        store.forget_arrivals(before=second + DAY)
        assert store.arrivals() == []
        assert store.counts().events == 3


class LedgerContract(LeaseContract, TrainingContract, ArrivalContract):
    """All promises of the ledger."""
