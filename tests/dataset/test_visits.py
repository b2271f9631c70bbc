"""When a visit is asked about, against a plain reading of the rules, visit by visit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.dataset.visits import STOPS, VISIT_GAP_US, stops

MINUTE = 60_000_000
EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90)), max_size=80)
"""(user, minute): some of one moment, some visits long, some minutes apart."""


def read_plainly(user, minute, horizon):
    found = []
    first = 0
    while first < len(user):
        last = first + 1
        while last < len(user) and user[last] == user[first] and minute[last] - minute[last - 1] <= 30:
            last += 1
        found += of_visit(minute[first:last], first, horizon)
        first = last
    return found


def of_visit(minute, offset, horizon):
    size = len(minute)
    if horizon is None:
        return [[offset, offset + size]]
    moments = [at for at in range(size) if at == 0 or minute[at] != minute[at - 1]]
    lasts = [*moments[1:], size]
    asked = sorted({next((at for at in moments if at >= passed), size) for passed in STOPS} - {size})
    reach = [next((last for last in lasts if last >= at + horizon), size) for at in asked]
    return [[offset + at, offset + last] for at, last in zip(asked, reach, strict=True)]


@settings(deadline=None)
@given(EVENTS, st.sampled_from([None, 1, 2, 10]))
def test_what_is_asked_is_what_the_rules_say(events, horizon):
    user, minute = (np.array([event[part] for event in sorted(events)], np.int64) for part in (0, 1))
    found = stops(user, minute * MINUTE, horizon=horizon)
    assert found.dtype == np.int64
    assert found.tolist() == read_plainly(user.tolist(), minute.tolist(), horizon)


@pytest.mark.parametrize("horizon", [None, 3])
def test_a_pause_of_just_half_an_hour_is_within_a_visit(horizon):
    user, when = np.zeros(3, np.int64), np.array([0, VISIT_GAP_US, 2 * VISIT_GAP_US + 1])
    assert len({first for first, _ in stops(user, when, horizon=horizon)} & {0, 2}) == 2
    assert stops(user, when, horizon=None).tolist() == [[0, 2], [2, 3]]
