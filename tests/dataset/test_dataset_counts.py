"""Point-in-time counts against a loop that looks at every pair of events."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from coldframe.dataset.counts import days_since_signup, item_counts, user_counts
from coldframe.dataset.training_set import DAY_US, NEVER, Interactions

events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-3, 6)), max_size=30).map(sorted)


def interactions(rows):
    ordered = sorted(rows, key=lambda row: row[2])
    user, item, day = np.array(ordered, np.int64).reshape(-1, 3).T
    return Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(rows), np.float32), day * DAY_US)


@given(events)
def test_counts_are_of_strictly_earlier_events(rows):
    log = interactions(rows)
    for counts, row in ((user_counts(log), log.user), (item_counts(log), log.item)):
        assert counts.dtype == np.int32
        assert counts.tolist() == [
            int(((row == row[event]) & (log.timestamp < log.timestamp[event])).sum()) for event in range(len(log))
        ]


@given(events, st.lists(st.one_of(st.none(), st.integers(-4, 8)), min_size=4, max_size=4))
def test_days_start_at_a_known_sign_up_or_else_at_the_first_event(rows, signed_up):
    log = interactions(rows)
    times = np.array([NEVER if day is None else day * DAY_US for day in signed_up])
    expected = []
    for event in range(len(log)):
        user, day = log.user[event], log.timestamp[event] // DAY_US
        known = signed_up[user] is not None and signed_up[user] <= day
        first = log.timestamp[log.user == user].min() // DAY_US
        expected.append(day - (signed_up[user] if known else first))
    assert days_since_signup(log, times).tolist() == expected


def test_the_future_changes_no_count():
    rows = [(0, 0, 0), (0, 1, 1), (1, 0, 1)]
    now, later = interactions(rows), interactions([*rows, (0, 0, 5), (1, 1, 5)])
    assert user_counts(later)[:3].tolist() == user_counts(now).tolist()
    assert item_counts(later)[:3].tolist() == item_counts(now).tolist()
