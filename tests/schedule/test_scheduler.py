"""The thread that starts trainers: a launch that writes what a trainer writes, and a clock that is moved by hand."""

import signal
import threading
from datetime import timedelta

import pytest

from coldframe.schedule.plan import LEASE
from coldframe.schedule.records import as_they_are
from coldframe.schedule.scheduler import LOOK_SECONDS, Scheduler
from coldframe.settings import Settings
from coldframe.store.ledger import TrainingRun
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.store_samples import HOUR, START

MINUTE = timedelta(minutes=1)
RETRY = timedelta(minutes=Settings().schedule.retry_minutes)


class World:
    """A store, a clock, and trainers that take ten minutes and end as `ends` says: (outcome written, exit code)."""

    def __init__(self, data):
        self.data, self.store = data, SQLiteStore(data, Settings().store)
        self.now, self.ends, self.begun = START, [], []
        self.launched = threading.Event()
        self.scheduler = Scheduler(Settings(), data, clock=lambda: self.now, launch=self.launch)

    def launch(self, settings, data, run_id, stop):
        self.begun.append(self.now)
        outcome, code = self.ends.pop(0) if self.ends else ("promoted", 0)
        owner = f"coldframe run, process 1 on here, training {run_id}"
        began = self.now
        self.now += 10 * MINUTE
        if outcome is not None:
            end = None if outcome == "running" else self.now
            run = TrainingRun(
                run=run_id, owner=owner, started_at=began, ended_at=end, outcome=outcome, message="no data"
            )
            self.store.put_training(run)
        if outcome == "running":
            self.store.take_lease(LEASE, owner=owner, now=began, until=self.now + HOUR)
        self.launched.set()
        return code

    def look(self):
        return self.scheduler.look(self.store)

    def outcomes(self):
        return [run.outcome for run in self.store.trainings()]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.scheduler.stop()
    made.store.close()


def test_it_trains_at_once_and_then_every_interval(world):
    assert world.look() == 0
    assert world.look() == LOOK_SECONDS
    world.now = START + 6 * HOUR - 7 * MINUTE / 60
    assert world.look() == pytest.approx(7)
    world.now = START + 6 * HOUR
    assert world.look() == 0
    assert world.begun == [START, START + 6 * HOUR]


@pytest.mark.parametrize("end", [("failed", 7), ("running", -signal.SIGKILL), ("running", 1), (None, 5)])
def test_a_training_that_came_to_nothing_is_tried_again_after_a_pause(world, end):
    world.ends = [end] * 3
    for _ in range(3):
        before = len(world.begun)
        assert world.look() == 0
        world.now += RETRY - MINUTE
        assert world.look() > 0
        assert len(world.begun) == before + 1
        world.now += MINUTE
    assert world.look() == 0
    assert world.outcomes()[0] == "promoted"
    assert "running" not in world.outcomes()
    assert world.store.lease(LEASE) is None


def test_what_killed_a_trainer_is_written(world):
    world.ends = [("running", -signal.SIGKILL)]
    world.look()
    (run,) = world.store.trainings()
    assert (run.outcome, "out of memory" in run.message) == ("failed", True)


def test_a_trainer_that_was_asked_to_end_did_not_fail(world):
    world.ends = [("running", -signal.SIGTERM)]
    world.look()
    assert world.outcomes() == ["stopped"]


def test_it_waits_for_whoever_trains(world):
    world.store.take_lease(LEASE, owner="another", now=START, until=START + 20 * MINUTE)
    assert world.look() == LOOK_SECONDS
    assert world.begun == []
    world.store.release_lease(LEASE, owner="another")
    assert world.look() == 0


def test_a_store_that_refuses_is_no_end_of_the_schedule(world, caplog):
    data = world.data / "gone"
    data.write_text("a file where the folder should be")
    scheduler = Scheduler(Settings(), data)
    scheduler.begin()
    for _ in range(500):
        if "the schedule pauses" in caplog.text:
            break
        threading.Event().wait(0.02)
    scheduler.stop()
    assert "the schedule pauses for 15 minutes" in caplog.text


def test_the_thread_begins_when_told_and_ends_when_told(world):
    assert not world.launched.wait(0.1)
    world.scheduler.begin()
    assert world.launched.wait(30)
    world.scheduler.stop()
    assert world.outcomes() == ["promoted"]


def test_stopped_before_it_began_it_never_trains(world):
    world.scheduler.stop()
    assert world.begun == []


def test_people_are_told_of_an_open_training_whether_it_lives(world):
    run = TrainingRun(run="t", owner="me", started_at=START)
    held = world.store.take_lease(LEASE, owner="me", now=START, until=START + HOUR)
    assert as_they_are([run], held, START)[0].outcome == "running"
    assert as_they_are([run], held, START + HOUR)[0].outcome == "lost"
    assert as_they_are([run], None, START)[0].outcome == "lost"
