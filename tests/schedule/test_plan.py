"""When the next training begins: worlds whose answer is known, then ninety days in a moment."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.schedule.plan import LEASE, next_training
from coldframe.settings import ScheduleSettings
from coldframe.store.ledger import Lease, TrainingRun

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SETTINGS = ScheduleSettings(every_hours=6.0, retry_minutes=15.0, lease_minutes=5.0)


def run(outcome, started, took=10 * MINUTE):
    end = None if outcome == "running" else started + took
    return TrainingRun(run=f"{outcome}-{started}", owner="o", started_at=started, ended_at=end, outcome=outcome)


def lease(owner, beat, expires):
    return Lease(name=LEASE, owner=owner, taken_at=beat, beat_at=beat, expires_at=expires)


def due(trainings, held=None):
    return next_training(NOW, trainings, held, SETTINGS).at - NOW


@pytest.mark.parametrize(
    ("trainings", "wait"),
    [
        ([], 0 * HOUR),
        ([run("promoted", NOW - 7 * HOUR)], -1 * HOUR),
        ([run("promoted", NOW - 6 * HOUR)], 0 * HOUR),
        ([run("promoted", NOW - 2 * HOUR)], 4 * HOUR),
        ([run("kept", NOW - HOUR)], 0 * HOUR),
        ([run("stopped", NOW - HOUR)], 0 * HOUR),
        ([run("stopped", NOW - HOUR), run("promoted", NOW - 2 * HOUR)], 4 * HOUR),
        ([run("failed", NOW - 12 * MINUTE)], 13 * MINUTE),
        ([run("failed", NOW - 12 * MINUTE), run("promoted", NOW - 7 * HOUR)], 13 * MINUTE),
        ([run("failed", NOW - 12 * MINUTE), run("promoted", NOW - 2 * HOUR)], 4 * HOUR),
        ([run("promoted", NOW - HOUR), run("failed", NOW - 2 * HOUR)], 5 * HOUR),
        ([run("lost", NOW - 12 * MINUTE)], 13 * MINUTE),
        ([run("running", NOW - 12 * MINUTE)], 3 * MINUTE),
        ([run("promoted", NOW + 900 * HOUR)], 6 * HOUR),
        ([run("failed", NOW + 900 * HOUR)], 15 * MINUTE),
    ],
)
def test_it_begins_when_it_should(trainings, wait):
    assert due(trainings) == wait


def test_nobody_begins_while_another_holds_the_lease():
    held = lease("another", NOW - MINUTE, NOW + 4 * MINUTE)
    plan = next_training(NOW, [], held, SETTINGS)
    assert plan.at == NOW + 4 * MINUTE
    assert "another" in plan.why
    assert due([], lease("another", NOW - 9 * MINUTE, NOW)) == 0 * HOUR


def test_a_training_that_died_counts_from_its_last_sign_of_life():
    dead = run("running", NOW - 5 * HOUR)
    assert due([dead]) == 0 * HOUR
    assert due([dead], lease("o", NOW - 6 * MINUTE, NOW - MINUTE)) == 9 * MINUTE
    assert due([dead], lease("another", NOW - 6 * MINUTE, NOW - MINUTE)) == 0 * HOUR


def simulated(days, outcome_of):
    """Return when trainings begin over some days, and what came of each; a training takes ten minutes."""
    now, end, trainings = NOW, NOW + timedelta(days=days), []
    while now < end:
        plan = next_training(now, trainings[:100], None, SETTINGS)
        if plan.at > now:
            now = plan.at
            continue
        trainings.insert(0, run(outcome_of(len(trainings)), now))
        now += 10 * MINUTE
    return trainings[::-1]


def test_ninety_days_are_four_trainings_a_day():
    begun = [each.started_at for each in simulated(90, lambda number: "promoted")]
    assert len(begun) == 4 * 90
    assert {later - earlier for earlier, later in pairwise(begun)} == {6 * HOUR}


def test_failures_are_retried_after_a_pause_and_then_all_is_as_before():
    trainings = simulated(1, lambda number: "failed" if number < 5 else "promoted")
    gaps = [later.started_at - earlier.started_at for earlier, later in pairwise(trainings)]
    assert gaps == [25 * MINUTE] * 5 + [6 * HOUR] * 3


outcomes = st.sampled_from(["promoted", "kept", "failed", "stopped", "lost", "running"])
histories = st.lists(st.tuples(outcomes, st.integers(-100_000, 100_000), st.integers(0, 10_000)), max_size=8)


@given(histories)
def test_nobody_ever_waits_longer_than_the_interval(history):
    trainings = [run(outcome, NOW + begun * MINUTE, took * MINUTE) for outcome, begun, took in history]
    trainings.sort(key=lambda each: each.started_at, reverse=True)
    assert due(trainings) <= 6 * HOUR
