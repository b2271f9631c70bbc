"""Which event belongs to which list: each rule alone, and all of them against plain Python."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.domain import Impression
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.feedback import attribute, delivered

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLICKS = ("click", "purchase")


def impression(recommendation_id="r1", items=("a", "b", "c"), *, minute=0, **known):
    n = len(items)
    return Impression(
        recommendation_id=recommendation_id,
        timestamp=NOON + timedelta(minutes=minute),
        items=tuple(items),
        scores=(0.0,) * n,
        propensities=(1.0,) * n,
        mixer_weights=({},) * n,
        bundle="bundle",
        level="hybrid",
        **known,
    )


def log(*events):
    """Rows of (recommendation_id, item_id, event_type, minute)."""
    rows = [
        {
            "event_id": str(i),
            "user_id": "u",
            "item_id": item,
            "event_type": kind,
            "timestamp": NOON + timedelta(minutes=minute),
            "recommendation_id": recommendation,
            "position": 99,
        }
        for i, (recommendation, item, kind, minute) in enumerate(events)
    ]
    return pl.DataFrame(rows, schema=EVENT_COLUMNS).lazy()


def outcomes(attribution):
    return attribution.outcomes.select("recommendation_id", "item_id", "position").rows()


@pytest.mark.parametrize(
    ("event", "expected", "count"),
    [
        (("r1", "b", "click", 1), [("r1", "b", 2)], "attributed"),
        (("r1", "b", "click", 0), [("r1", "b", 2)], "attributed"),
        (("r1", "b", "click", -1), [], "too_early"),
        (("r1", "z", "click", 1), [], "not_on_list"),
        (("r9", "b", "click", 1), [], "unknown_list"),
        (("r1", "b", "view", 1), [], None),
        ((None, "b", "click", 1), [], None),
    ],
)
def test_one_event_and_what_becomes_of_it(event, expected, count):
    result = attribute(delivered([impression()]), log(event), CLICKS)
    assert outcomes(result) == expected
    counts = {name: getattr(result, name) for name in ("attributed", "too_early", "not_on_list", "unknown_list")}
    assert counts == {name: int(name == count) for name in counts}


def test_repeats_are_one_outcome_at_the_first_time():
    events = log(("r1", "a", "purchase", 9), ("r1", "a", "click", 2), ("r1", "c", "click", 3))
    result = attribute(delivered([impression()]), events, CLICKS)
    assert outcomes(result) == [("r1", "a", 1), ("r1", "c", 3)]
    assert result.outcomes["happened_at"][0] == NOON + timedelta(minutes=2)
    assert (result.attributed, result.repeated) == (3, 1)


def test_one_item_on_two_lists_is_two_outcomes_only_when_both_are_named():
    given_lists = delivered([impression("r1"), impression("r2", ("c", "a"))])
    assert outcomes(attribute(given_lists, log(("r2", "a", "click", 1)), CLICKS)) == [("r2", "a", 2)]
    both = attribute(given_lists, log(("r2", "a", "click", 1), ("r1", "a", "click", 1)), CLICKS)
    assert outcomes(both) == [("r1", "a", 1), ("r2", "a", 2)]


def test_an_item_twice_on_a_list_stands_at_its_first_position():
    assert delivered([impression(items=("a", "b", "a"))]).slots.rows() == [("r1", "a", 1), ("r1", "b", 2)]


def test_of_two_lists_with_one_id_the_earlier_counts():
    twice = delivered([impression(items=("z",), minute=5), impression(items=("a",))])
    assert len(twice) == 1
    assert twice.slots.rows() == [("r1", "a", 1)]


@pytest.mark.parametrize(
    ("known", "actor"),
    [({"user_id": "u", "session_id": "s"}, "u"), ({"session_id": "s"}, "s"), ({}, "r1")],
)
def test_the_actor_is_the_user_else_the_session_else_the_list(known, actor):
    assert delivered([impression(**known)]).lists["actor_id"].to_list() == [actor]


def test_nothing_delivered_and_nothing_happened():
    result = attribute(delivered([]), log(), CLICKS)
    assert result.outcomes.height == 0
    assert delivered([impression(items=())]).slots.height == 0
    assert attribute(delivered([]), log(("r1", "a", "click", 0)), CLICKS).unknown_list == 1


IDS, ITEMS = ("r1", "r2", "r3"), ("a", "b", "c", "d")
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([*IDS, "r9", None]),
        st.sampled_from(ITEMS),
        st.sampled_from(["click", "view", "purchase"]),
        st.integers(-3, 9),
    ),
    max_size=25,
)
LISTS = st.lists(
    st.tuples(st.sampled_from(IDS), st.lists(st.sampled_from(ITEMS), max_size=4), st.integers(0, 5)),
    unique_by=lambda one: one[0],
    max_size=3,
)


@given(LISTS, EVENTS)
def test_the_join_is_what_plain_python_does(lists, events):
    expected = set()
    for name, items, minute in lists:
        for recommendation, item, kind, when in events:
            if recommendation == name and item in items and kind in CLICKS and when >= minute:
                expected.add((name, item, items.index(item) + 1))
    impressions = [impression(name, items, minute=minute) for name, items, minute in lists]
    result = attribute(delivered(impressions), log(*events), CLICKS)
    assert sorted(outcomes(result)) == sorted(expected)
    named = sum(recommendation is not None and kind in CLICKS for recommendation, _, kind, _ in events)
    assert result.attributed + result.unknown_list + result.not_on_list + result.too_early == named
    assert result.attributed - result.repeated == len(expected)
