"""One training and its record: what serves when it goes well, and that nothing changes when it does not."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from small_project import make_project, open_store, settings_of

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.clock import system_clock
from coldframe.domain import Event
from coldframe.errors import BudgetError, BundleError, DataError, StoreBusyError
from coldframe.schedule.plan import LEASE
from coldframe.schedule.training import train
from coldframe.settings import ScheduleSettings, with_value
from coldframe.store.ledger import Freshness
from coldframe.testing.shop import OPENING

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Room:
    """A project opened for training."""

    def __init__(self, folder):
        self.folder = folder
        self.now = system_clock() + SECOND  # arrivals are counted by the second: the import was in an earlier one
        self.store = open_store(folder, lambda: self.now)
        self.registry = Registry(folder / "coldframe-data/bundles")

    def train(self, progress=lambda *step: None, time_budget_minutes=0.0, **more):
        return train(
            self.store,
            self.registry,
            with_value(settings_of(self.folder), "training.time_budget_minutes", time_budget_minutes),
            command="a test",
            clock=lambda: self.now,
            progress=progress,
            **more,
        )

    def records(self):
        return list(self.store.trainings())


@pytest.fixture
def room(project):
    opened = Room(project)
    yield opened
    opened.store.close()


def test_a_training_serves_and_says_what_it_saw(room):
    result, run = room.train()
    assert room.registry.promoted() == result.bundle == run.bundle
    assert room.records() == [run]
    assert (run.outcome, run.events, run.newest_event) == ("promoted", result.counts["events"], result.newest_event)
    assert run.newest_event == room.store.counts().last_event
    assert room.store.lease(LEASE) is None


def test_freshness_counts_the_events_that_a_training_adds(room):
    room.train()
    room.now += 6 * HOUR
    assert room.train().run.freshness is None  # nothing was accepted in between
    began = room.now = room.now.replace(microsecond=0) + HOUR
    room.store.append_events([event(0)])
    room.now = began + HOUR
    room.store.append_events([event(number) for number in range(1, 10)])
    room.now = began + 5 * HOUR
    assert room.train().run.freshness == Freshness(events=10, p50_minutes=240.0, p95_minutes=300.0)
    assert room.store.arrivals() == []


def test_what_is_accepted_during_a_training_counts_with_the_next(room):
    room.train()
    room.now += HOUR

    def meanwhile(step, done, total):
        if step == "bundle":
            room.now += 2 * HOUR
            room.store.append_events([event(done)])

    assert room.train(meanwhile).run.freshness is None
    room.now += HOUR
    assert room.train().run.freshness.events == 2


def event(number):
    return Event(
        event_id=f"new-{number}",
        user_id="somebody",
        item_id="i001",
        event_type="view",
        timestamp=OPENING + timedelta(days=60, minutes=number),
    )


def test_kept_without_promotion_nothing_serves(room):
    result, run = room.train(promote=False)
    assert room.registry.promoted() is None
    assert (run.outcome, run.freshness, run.read_at) == ("kept", None, None)
    assert [info.bundle for info in room.registry.list()] == [result.bundle]


def test_the_second_of_two_is_refused_and_leaves_no_record(room):
    refused = []

    def in_the_midst(step, done, total):
        if not refused:
            with pytest.raises(StoreBusyError, match="a test, process") as caught:
                room.train()
            refused.append(caught.value)

    room.train(in_the_midst)
    assert [run.outcome for run in room.records()] == ["promoted"]
    assert refused[0].remedy


def test_no_data_is_recorded_and_the_last_bundle_serves_on(tmp_path):
    room = Room(make_project(tmp_path / "empty", with_events=False))
    with pytest.raises(DataError):
        room.train()
    (run,) = room.records()
    assert (run.outcome, run.bundle) == ("failed", None)
    assert "holds no event" in run.message
    assert room.store.lease(LEASE) is None
    room.store.close()


def test_a_disk_that_refuses_the_bundle_changes_nothing_that_serves(room, monkeypatch):
    serving = room.train().run.bundle

    def full(*_args, **_more):
        raise BundleError("The bundle could not be written: No space left on device.", remedy="Free space.")

    monkeypatch.setattr(room.registry, "publish", full)
    room.now += HOUR
    with pytest.raises(BundleError):
        room.train(as_of=OPENING + timedelta(days=40))
    assert room.records()[0].outcome == "failed"
    assert "No space left" in room.records()[0].message
    assert room.registry.promoted() == serving


def test_an_interrupted_training_is_stopped_not_failed(room):
    def interrupt(step, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        room.train(interrupt)
    assert [run.outcome for run in room.records()] == ["stopped"]
    assert room.store.lease(LEASE) is None


def test_a_training_whose_lease_another_took_promotes_nothing(room):
    def overslept(step, done, total):
        if step == "bundle":
            room.now += timedelta(hours=1)
            room.store.take_lease(LEASE, owner="another", now=room.now, until=room.now + timedelta(hours=1))

    with pytest.raises(StoreBusyError, match="another has taken it"):
        room.train(overslept)
    assert room.registry.promoted() is None
    assert room.records()[0].outcome == "failed"
    assert room.store.lease(LEASE).owner == "another"


def test_the_next_training_writes_of_a_dead_one_that_it_was_lost(room, project, tmp_path):
    def die(step, done, total):
        shutil.copytree(project, tmp_path / "as a kill leaves it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        room.train(die)
    after = Room(tmp_path / "as a kill leaves it")
    last_sign = room.now
    with pytest.raises(StoreBusyError):
        after.train()
    after.now += timedelta(hours=1)
    after.train()
    assert [run.outcome for run in after.records()] == ["promoted", "lost"]
    assert after.records()[1].ended_at == last_sign
    after.store.close()


def test_when_trainings_happen_changes_no_byte(room):
    settings = settings_of(room.folder)
    rarely = replace(settings, schedule=ScheduleSettings(every_hours=24.0, nice=0))

    def bundle(of):
        return pipeline.train(room.store, room.registry, of, clock=system_clock, progress=lambda *step: None).bundle

    assert bundle(settings) == bundle(rarely)


def test_a_budget_too_small_is_recorded_and_the_last_bundle_serves_on(room):
    first = room.train().result.bundle
    room.now += HOUR
    with pytest.raises(BudgetError):
        room.train(time_budget_minutes=1e-6)
    newest, _ = room.records()
    assert (newest.outcome, room.registry.promoted()) == ("failed", first)
    assert "time budget" in newest.message


def test_with_a_budget_that_holds_everything_the_manifest_says_that_nothing_was_left_out(room):
    one, other = (room.train(time_budget_minutes=1_000).result for _ in range(2))
    assert one.bundle == other.bundle
    assert one.left_out == []
    assert room.registry.manifest(one.bundle)["meta"]["left_out"] == []
