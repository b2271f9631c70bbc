"""When a user's clock starts and stops."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from coldframe.clock import generator
from coldframe.events.schema import EVENT_COLUMNS, TIME
from coldframe.feedback import begin_at_sign_up, first_conversions, user_milestones

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)


def day(n):
    return DAY_0 + timedelta(days=n)


def waits(sign_ups, events, *, start=None, end=100, conversions=("purchase",)):
    """Sign-ups as {user: day}; events as (user, type, day). Return (days, observed) and the whole."""
    rows = [
        {"event_id": str(i), "user_id": user, "item_id": "i", "event_type": kind, "timestamp": day(when)}
        | ({"session_id": "s"} if user is None else {})
        for i, (user, kind, when) in enumerate(events)
    ]
    milestones = user_milestones(pl.DataFrame(rows, schema=EVENT_COLUMNS).lazy(), conversions)
    signed_up = pl.DataFrame(
        [(user, day(when)) for user, when in sign_ups.items()],
        schema={"user_id": pl.String, "signed_up_at": TIME},
        orient="row",
    )
    begins = begin_at_sign_up(signed_up, milestones)
    result = first_conversions(begins, milestones, start=None if start is None else day(start), end=day(end))
    return list(zip(result.days.tolist(), result.observed.tolist(), strict=True)), result


@pytest.mark.parametrize(
    ("sign_ups", "events", "expected"),
    [
        ({"a": 0}, [("a", "purchase", 3), ("a", "purchase", 2), ("a", "view", 1)], [(2.0, True)]),
        ({"a": 10}, [("a", "view", 11)], [(90.0, False)]),
        ({"a": 10}, [], [(90.0, False)]),
        ({}, [("a", "view", 5), ("a", "purchase", 7)], [(2.0, True)]),
        ({}, [("a", "purchase", 7)], [(0.0, True)]),
        ({}, [(None, "purchase", 7)], []),
        ({}, [], []),
        ({"a": 100}, [], [(0.0, False)]),
        ({"a": 101}, [], []),
    ],
    ids=[
        "the first conversion counts",
        "still waiting at the end",
        "signed up and never seen again",
        "without a sign-up the first event starts the clock",
        "a first event that converts is 0 days",
        "a session is nobody",
        "nobody",
        "signed up at the very end",
        "signed up after the end",
    ],
)
def test_one_life(sign_ups, events, expected):
    assert waits(sign_ups, events)[0] == expected


def test_a_conversion_before_the_clock_started_is_0_days_and_counted():
    lives, result = waits({"a": 5, "b": 5}, [("a", "purchase", 3), ("b", "purchase", 6)])
    assert lives == [(0.0, True), (1.0, True)]
    assert result.clipped == 1


def test_only_those_whose_clock_started_in_the_period():
    lives, _ = waits({"a": 5, "b": 10, "c": 20}, [("c", "purchase", 21)], start=10)
    assert lives == [(90.0, False), (1.0, True)]


def test_what_counts_as_a_conversion_is_declared():
    events = [("a", "subscribe", 4), ("a", "purchase", 8)]
    assert waits({"a": 0}, events, conversions=("subscribe", "purchase"))[0] == [(4.0, True)]
    assert waits({"a": 0}, events, conversions=("other",))[0] == [(100.0, False)]


def test_the_curve_finds_the_median_of_a_world_where_a_third_never_get_to_convert():
    random = generator(0, "lives")
    sign_up, wait = random.uniform(0, 100, 2000), random.exponential(20.0, 2000)
    sign_ups = {f"u{i:04d}": s for i, s in enumerate(sign_up)}
    events = [
        (f"u{i:04d}", "purchase", s + w) for i, (s, w) in enumerate(zip(sign_up, wait, strict=True)) if s + w < 100
    ]
    lives, result = waits(sign_ups, events)
    median = result.curve().median()
    assert median.low <= 20 * np.log(2) <= median.high
    assert median.n == len(lives) == 2000
