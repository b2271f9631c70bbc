"""A log whose arrays are known, then any log in any order."""

import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from dataset_worlds import START, at, log, logs, met, time, words
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.dataset.build import build_training_set
from coldframe.dataset.training_set import DAY_US, Bags, TrainingSet
from coldframe.domain import Item, User
from coldframe.errors import ColumnError, DataError, InputError
from coldframe.settings import Settings, with_value

SHOP = (
    log(
        ("bob", "mug", 2),
        ("ann", "pan", 0, "view"),
        ("s7", "mug", 1, "click"),
        ("ann", "mug", 2, "rating_1"),
        ("ann", "old", -100),
    ),
    [Item(item_id="tea", available=False), Item(item_id="mug", categories=("cups",))],
    [User(user_id="zoe", signed_up_at=at(1)), User(user_id="ann", attributes={"country": "France"})],
)


def same(one, other):
    if is_dataclass(one):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return one == other


def test_a_small_shop():
    made = build_training_set(*SHOP, Settings(), window_days=90)
    assert made.users.ids == ("ann", "bob", "s7", "zoe")
    assert made.items.ids == ("mug", "pan", "tea")
    assert words(made) == [
        ("ann", "pan", 0, 0.1),
        ("s7", "mug", 1, 0.3),
        ("bob", "mug", 2, 1.0),
        ("ann", "mug", 2, -0.5),
    ]
    assert made.as_of == time(2) + 1
    assert made.item_features.category_names == ("cups",)
    assert made.item_features.categories.sizes.tolist() == [1, 0, 0]
    assert made.user_features.attribute_names == ("country=France",)
    assert made.user_features.signed_up_at.tolist()[3] == time(1)


def test_what_was_met_reaches_back_beyond_the_window_and_stops_at_its_end():
    made = build_training_set(*SHOP, Settings(), as_of=at(2), window_days=90)
    assert met(made) == {"ann": ["pan"], "s7": ["mug"], "zoe": []}
    whole = build_training_set(*SHOP, Settings())
    assert met(whole) == {"ann": ["mug", "old", "pan"], "bob": ["mug"], "s7": ["mug"], "zoe": []}
    catalogued = build_training_set(SHOP[0], [Item(item_id="old")], [], Settings(), window_days=90)
    assert "old" in met(catalogued)["ann"]
    assert ("ann", "old") not in {row[:2] for row in words(catalogued)}


@pytest.mark.parametrize(
    ("microseconds", "inside"), [(-1, False), (0, True), (1, True), (10 * DAY_US - 1, True), (10 * DAY_US, False)]
)
def test_the_window_holds_its_start_and_not_its_end(microseconds, inside):
    frame = log(("ann", "edge", 0), ("ann", "middle", 5)).with_columns(
        pl.when(pl.col("item_id") == "edge")
        .then(pl.lit(START) + pl.duration(microseconds=microseconds))
        .otherwise("timestamp")
        .alias("timestamp")
    )
    made = build_training_set(frame, [], [], Settings(), as_of=at(10), window_days=10)
    assert ("edge" in made.items.ids) is inside


def test_by_default_the_window_ends_just_after_the_newest_event():
    made = build_training_set(log(("ann", "a", 0), ("ann", "b", 1)), [], [], Settings(), window_days=1)
    assert made.items.ids == ("b",)
    assert made.as_of == time(1) + 1


@given(logs, st.randoms(use_true_random=False), st.sampled_from([None, 1, 90]))
@settings(deadline=None)
def test_the_order_of_rows_changes_nothing(frame, random, days):
    order = list(range(frame.height))
    random.shuffle(order)
    one, other = (build_training_set(f, [], [], Settings(), window_days=days) for f in (frame, frame[order]))
    assert same(one, other)


@given(logs)
@settings(deadline=None)
def test_other_ids_only_give_other_rows(frame):
    """Reversed item ids: the same events, with the rows of items the other way round."""
    names = sorted(frame["item_id"].unique())
    renamed = dict(zip(names, [f"{len(names) - n:03}" for n in range(len(names))], strict=True))
    one = build_training_set(frame, [], [], Settings())
    other = build_training_set(frame.with_columns(pl.col("item_id").replace(renamed)), [], [], Settings())
    assert np.array_equal(one.interactions.item, len(names) - 1 - other.interactions.item)
    for name in ("user", "weight", "timestamp"):
        assert np.array_equal(getattr(one.interactions, name), getattr(other.interactions, name))


@given(logs)
@settings(deadline=None)
def test_interactions_and_what_was_met_agree_with_a_loop(frame):
    made = build_training_set(frame, [], [], Settings())
    weight = {"view": 0.1, "click": 0.3, "purchase": 1.0, "rating_1": -0.5, "wink": 0.1}
    events = sorted(frame.rows(named=True), key=lambda row: (row["timestamp"], row["event_id"]))
    actor = [row["user_id"] or row["session_id"] for row in events]
    assert words(made) == [
        (user, row["item_id"], (row["timestamp"] - START).total_seconds() / 86_400, weight[row["event_type"]])
        for user, row in zip(actor, events, strict=True)
    ]
    pairs = {(user, row["item_id"]) for user, row in zip(actor, events, strict=True)}
    assert {(user, item) for user, items in met(made).items() for item in items} == pairs


def test_lazy_and_eager_frames_and_the_order_of_the_catalogue_give_the_same():
    events, items, users = SHOP
    one = build_training_set(events, items, users, Settings())
    assert same(one, build_training_set(events.lazy(), items[::-1], users[::-1], Settings()))


def test_of_two_items_with_one_id_the_last_counts():
    items = [Item(item_id="a", categories=("x",)), Item(item_id="a", categories=("y",))]
    assert build_training_set(log(("ann", "a", 0)), items, [], Settings()).item_features.category_names == ("y",)


def test_an_event_worth_nothing_is_none_but_its_item_was_met():
    only_known = with_value(Settings(), "events.unknown", "reject")
    made = build_training_set(log(("ann", "a", 0), ("ann", "b", 0, "wink")), [], [], only_known)
    assert words(made) == [("ann", "a", 0, 1.0)]
    assert met(made) == {"ann": ["a", "b"]}


def test_a_half_life_halves():
    decaying = with_value(Settings(), "events.half_life_days", 10.0)
    decaying = with_value(decaying, "events.half_lives", {"view": 5.0, "click": 0.0})
    events = log(("ann", "a", 0), ("ann", "a", 10), ("ann", "a", 10, "view"), ("ann", "a", 0, "click"))
    made = build_training_set(events, [], [], decaying, as_of=at(20))
    assert sorted(row[2:] for row in words(made)) == [(0, 0.25), (0, 0.3), (10, 0.025), (10, 0.5)]


@pytest.mark.parametrize(
    ("events", "options", "says"),
    [
        (log(), {}, "There are no events"),
        (log(("ann", "a", 0)), {"as_of": at(0)}, r"No event is in the window before 2026-01-01T00:00:00"),
        (log(("ann", "a", 0)), {"as_of": at(9), "window_days": 2}, r"from 2026-01-08T.* to 2026-01-10T.*widen"),
        (log(("ann", "a", 0, "rating_1")), {}, r"None of the 1 events .* likes anything \(rating_1\).*events.weights"),
        (log(("ann", "a", 0)).with_columns(item_id=pl.lit(None, pl.String)), {}, "lack an id"),
        (log(("ann", "a", 0)).with_columns(user_id=pl.lit(None, pl.String)), {}, "a user or session"),
    ],
)
def test_data_that_teaches_nothing_is_refused(events, options, says):
    with pytest.raises(DataError, match=says):
        build_training_set(events, [], [], Settings(), **options)


def test_arguments_that_cannot_be_used_are_refused():
    events = log(("ann", "a", 0))
    with pytest.raises(ColumnError, match="no column 'event_type'"):
        build_training_set(events.drop("event_type"), [], [], Settings())
    with pytest.raises(InputError, match="0 days"):
        build_training_set(events, [], [], Settings(), window_days=0)
    with pytest.raises(InputError, match="has no zone"):
        build_training_set(events, [], [], Settings(), as_of=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_training_set_made_by_hand_has_met_nothing():
    made = build_training_set(log(("ann", "a", 0)), [], [], Settings())
    known = {each.name: getattr(made, each.name) for each in fields(made) if each.name != "seen"}
    assert len(TrainingSet(**known).seen) == 0
    assert same(replace(made), made)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6))))
def test_bags_hold_each_feature_once_in_order(pairs):
    drawn, features = np.array(pairs, np.int64).reshape(-1, 2).T
    bags = Bags.of(drawn, features, n_rows=5, n_features=7)
    assert [bags.row(row).tolist() for row in range(5)] == [
        sorted({f for r, f in pairs if r == row}) for row in range(5)
    ]
    assert bags.sizes.sum() == len(set(pairs))


def test_another_process_gives_the_same_bytes():
    """Python salts its hashes anew in each process; nothing here may depend on them."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r});"
        "import hashlib; import test_dataset_build as t; m = t.build_training_set(*t.SHOP, t.Settings());"
        "print(hashlib.sha256(repr((m.users, m.items, m.interactions, m.item_features, m.seen)).encode()).hexdigest())"
    )
    answers = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in "ab"}
    assert len(answers) == 1
