"""Minutes from "event accepted" to "in a served model": counted by hand, and against NumPy."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.schedule.freshness import freshness, read_before
from coldframe.store.ledger import TrainingRun

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_no_events_have_no_freshness():
    assert freshness([], NOON) is None


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 30)), min_size=1, max_size=30))
def test_it_is_the_percentile_of_every_single_wait(waits):
    arrivals = [(NOON - minutes * MINUTE, number) for minutes, number in sorted(waits, reverse=True)]
    each = np.repeat([minutes for minutes, _ in waits], [number for _, number in waits])
    found = freshness(arrivals, NOON)
    assert found.events == len(each)
    assert found.p50_minutes == pytest.approx(np.quantile(each, 0.5, method="inverted_cdf"))
    assert found.p95_minutes == pytest.approx(np.quantile(each, 0.95, method="inverted_cdf"))


def test_the_newest_served_training_says_what_was_read():
    def run(number, outcome, read_at):
        return TrainingRun(run=str(number), owner="o", started_at=NOON, outcome=outcome, read_at=read_at)

    assert read_before([]) is None
    runs = [
        run(4, "failed", NOON),
        run(3, "promoted", None),
        run(2, "promoted", NOON - MINUTE),
        run(1, "promoted", NOON),
    ]
    assert read_before(runs) == NOON - MINUTE
