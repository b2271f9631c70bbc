"""Conditions on items: what they mean, that columns say what a walk would, and where a wrong one goes wrong."""

from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.dataset.training_set import Vocabulary
from coldframe.domain import Item
from coldframe.errors import InputError
from coldframe.serving.attributes import Columns, numerics_of
from coldframe.serving.expressions import MAX_CHARACTERS, MAX_COMPARISONS, parse
from coldframe.store.protocol import CatalogueChanges

ITEMS = [
    Item(item_id="a", categories=("lamps",), tags=("sale", "red"), numeric={"price": 20.0, "net weight": 1.0}),
    Item(item_id="b", categories=("mugs", "gifts"), numeric={"price": 30.0}),
    Item(item_id="c", tags=("it's",), created_at=datetime(2026, 1, 31, 9, tzinfo=UTC)),
    Item(item_id="d", categories=("lamps",), expires_at=datetime(2027, 1, 1, tzinfo=UTC), numeric={"title": 7.0}),
]
NOTHING = Columns.empty(Vocabulary(("a", "b", "c", "d")))
COLUMNS = NOTHING.after(CatalogueChanges(1, [*ITEMS, Item(item_id="unheard of")], []))


def meeting(text):
    return "".join(np.array(list("abcd"))[COLUMNS.meeting(text)])


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("price < 30", "a"),
        ("price <= 30", "ab"),
        ("price > 2e1", "b"),
        ("price >= 20.0", "ab"),
        ("price = 20", "a"),
        ("price == 20", "a"),
        ("price != 20", "bcd"),
        ("not price = 20", "bcd"),
        ("price < 30 or price > 30 or price = 30", "ab"),
        ("price in (20, 99)", "a"),
        ("price NOT IN (20, 99)", "bcd"),
        ("price > -5 and price < +25", "a"),
        ("`net weight` = 1", "a"),
        ("`title` = 7", "d"),
        ("pric < 30", ""),
        ('category = "lamps"', "ad"),
        ('category != "lamps"', "bc"),
        ('category in ("mugs", "gifts", "none")', "b"),
        ('category in ("lamps") and not tag = "sale"', "d"),
        ("tag = 'it''s'", "c"),
        ('item_id in ("b", "zz", "d")', "bd"),
        ('created_at >= "2026-01-31"', "c"),
        ('created_at < "2026-01-31T10:00:00+01:00"', ""),
        ('created_at <= "2026-01-31T09:00:00Z"', "c"),
        ('expires_at > "2026-06-01"', "d"),
        ('not expires_at > "2026-06-01"', "abc"),
        ('category = "mugs" or category = "lamps" and price = 20', "ab"),
        ('(category = "mugs" or category = "lamps") and price = 20', "a"),
        ("not not price = 20", "a"),
        ("not (price = 20 or price = 30)", "cd"),
    ],
)
def test_what_a_condition_means(text, met):
    assert meeting(text) == met


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 1, "the name of an attribute was expected, the end was found"),
        ("price <", 8, "a value was expected"),
        ("price 30", 7, "a comparison"),
        ("price < 'x'", 9, "price is compared with a number"),
        ("category = 3", 12, "category is compared with text in quotes"),
        ('category < "x"', 10, "category is text, which has no order"),
        ('created_at > "2026-13-01"', 14, "no time"),
        ('created_at > "3026-01-01"', 14, "no time"),
        ('tag = "sale', 7, "nothing closes this quote"),
        ("price = 1; drop", 10, "';' means nothing here"),
        ("price = 1 tag", 11, '"and", "or" or the end was expected'),
        ("(price = 1", 11, '")" was expected'),
        ("price in ()", 11, "a value was expected"),
        ("price not 3", 11, '"in" was expected'),
        ("price = 1e999", 9, "too large"),
        ("price = 3x", 9, "means nothing here"),
        ("__import__('os')", 11, "a comparison"),
        ("not " * 60 + "price = 1", 205, "within each other"),
        ("(" * 1_000, 52, "within each other"),
        (" or ".join(["price = 1"] * (MAX_COMPARISONS + 1)), 1_301, "comparisons"),
    ],
)
def test_a_wrong_condition_is_refused_where_it_goes_wrong(text, at, words):
    with pytest.raises(InputError, match=rf"at character {at}:") as caught:
        parse(text)
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_condition_has_an_end():
    with pytest.raises(InputError, match="characters"):
        parse("price = 1" + " " * MAX_CHARACTERS)


@given(st.text(max_size=40) | st.text("ab=<>!()\"', 1.-`andorti", max_size=40))
def test_any_text_is_read_or_refused(text):
    with suppress(InputError):
        COLUMNS.meeting(text)


NUMBERS, WORDS = st.sampled_from([1.0, 20.0, 25.5, 30.0]), st.sampled_from(["lamps", "mugs", "sale", "red", "no"])
SIGNS = {"=": float.__eq__, "<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__}


def compared(sign, number):
    return f"price {sign} {number}", lambda item: "price" in item.numeric and SIGNS[sign](item.numeric["price"], number)


def among(name, word):
    return f'{name} in ("{word}", "x")', lambda item: word in (item.categories if name == "category" else item.tags)


def joined(word, left, right):
    both = all if word == "and" else any
    return f"({left[0]} {word} {right[0]})", lambda item: both([left[1](item), right[1](item)])


leaves = st.builds(compared, st.sampled_from(list(SIGNS)), NUMBERS) | st.builds(
    among, st.sampled_from(["category", "tag"]), WORDS
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.builds(joined, st.sampled_from(["and", "or"]), inner, inner)
        | inner.map(lambda part: (f"not {part[0]}", lambda item: not part[1](item)))
    ),
    max_leaves=8,
)


@given(conditions)
def test_columns_say_what_a_walk_over_the_items_says(condition):
    text, holds = condition
    assert meeting(text) == "".join(item.item_id for item in ITEMS if holds(item))


def test_a_mask_is_made_once_and_cannot_be_written_to():
    first = COLUMNS.meeting("price < 31")
    assert COLUMNS.meeting("price < 31") is first
    assert not first.flags.writeable


def test_masks_used_longest_ago_go_first(monkeypatch):
    monkeypatch.setattr("coldframe.serving.attributes.KEPT_BYTES", 2 * 4)
    columns = NOTHING.after(CatalogueChanges(1, ITEMS, []))
    first, second = columns.meeting("price < 1"), columns.meeting("price < 2")
    assert columns.meeting("price < 1") is first
    columns.meeting("price < 3")
    assert columns.meeting("price < 1") is first
    assert columns.meeting("price < 2") is not second


def test_names_that_a_condition_looks_at():
    text = 'pric < 3 or `net weight` in (1) or not (stock > 0 and tag = "x")'
    assert numerics_of(text) == {"pric", "net weight", "stock"}


@pytest.mark.parametrize(
    ("name", "groups"),
    [("category", [1, 2, 0, 1]), ("tag", [2, 0, 1, 0]), ("price", [1, 1, 0, 0]), ("nothing", [0, 0, 0, 0])],
)
def test_items_are_grouped_by_any_attribute(name, groups):
    assert COLUMNS.groups(name).sizes.tolist() == groups


def test_items_that_share_a_value_share_a_group():
    groups = COLUMNS.groups("category")
    assert groups.row(0).tolist() == groups.row(3).tolist()
    assert not set(groups.row(0).tolist()) & set(groups.row(1).tolist())
