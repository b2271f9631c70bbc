"""Descriptions as arrays: by table, in several scripts, and a new item against given names."""

import math

import numpy as np
import pytest
from dataset_worlds import at, time
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.dataset.attributes import FEW_DISTINCT, attribute_names, exact, in_range, told
from coldframe.dataset.features import encode_items, encode_users, fit_item_features, fit_user_features
from coldframe.dataset.training_set import NEVER
from coldframe.dataset.words import bucket_of, hashed_words
from coldframe.domain import Item, User

BUCKETS = 2**20
ITEMS = [
    Item(item_id="1", title="Red mug", categories=("cups", "cups", "gifts"), numeric={"price": 4.5}, created_at=at(0)),
    Item(item_id="2", text="red", tags=("sale",), numeric={"price": math.inf, "weight": 1e300}),
    Item(item_id="3"),
]


def hashed(*words):
    return sorted({bucket_of(word, BUCKETS) for word in words})


def test_items_by_hand():
    made = fit_item_features(ITEMS, text_buckets=BUCKETS)
    assert (made.category_names, made.tag_names, made.numeric_names) == (
        ("cups", "gifts"),
        ("sale",),
        ("price", "weight"),
    )
    assert [made.categories.row(row).tolist() for row in range(3)] == [[0, 1], [], []]
    assert [made.tags.row(row).tolist() for row in range(3)] == [[], [0], []]
    assert [made.words.row(row).tolist() for row in range(3)] == [hashed("red", "mug"), hashed("red"), []]
    assert np.array_equal(made.numeric, [[4.5, np.nan], [np.nan, np.nan], [np.nan, np.nan]], equal_nan=True)
    assert made.created_at.tolist() == [time(0), NEVER, NEVER]


def test_an_item_read_anew_has_the_features_it_was_fitted_with():
    fitted = fit_item_features(ITEMS, text_buckets=BUCKETS)
    names = {
        "category_names": fitted.category_names,
        "tag_names": fitted.tag_names,
        "numeric_names": fitted.numeric_names,
    }
    for row, item in enumerate(ITEMS):
        alone = encode_items([item], **names, text_buckets=BUCKETS)
        for bag in ("categories", "tags", "words"):
            assert getattr(alone, bag).row(0).tolist() == getattr(fitted, bag).row(row).tolist()
        assert np.array_equal(alone.numeric[0], fitted.numeric[row], equal_nan=True)


def test_nothing_known_is_fine():
    made = fit_item_features([], text_buckets=BUCKETS)
    assert (len(made.words), made.numeric.shape) == (0, (0, 0))
    bare = fit_item_features([Item(item_id="x"), Item(item_id="y")], text_buckets=BUCKETS)
    assert bare.words.sizes.tolist() == bare.categories.sizes.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" -- !? ", []),
        ("Röd MUGG, röd", ["röd", "mugg"]),
        ("４ＰＣＳ", ["4pcs"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("красная кружка", ["красная", "кружка"]),
        ("كوب أحمر", ["كوب", "أحمر"]),
        ("빨간 머그", ["빨간", "머그"]),
        ("茶", ["茶"]),
        ("赤いマグカップ", ["赤いマグカップ", "赤いマ", "いマグ", "マグカ", "グカッ", "カップ"]),
        ("iPhone手机壳", ["iphone手机壳", "手机壳"]),
        ("แก้วแดง", ["แก้วแดง", "แก้", "ก้ว", "้วแ", "วแด", "แดง"]),
    ],
)
def test_words_of_many_scripts(text, words):
    assert hashed_words([text], BUCKETS).row(0).tolist() == hashed(*words)


def test_the_hash_is_the_same_everywhere():
    assert [bucket_of(word, 2**32) for word in ("", "mug", "кружка")] == [0, 1053882409, 385868294]


@given(st.lists(st.text(), max_size=8))
@settings(deadline=None)
def test_any_text_has_words_within_bounds_and_alone_as_among_others(texts):
    together = hashed_words(texts, 256)
    assert len(together) == len(texts)
    for row, text in enumerate(texts):
        found = together.row(row)
        assert ((found >= 0) & (found < 256)).all()
        assert np.array_equal(found, hashed_words([text], 256).row(0))


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), ("France", "France"), (2.0, "2"), (-0.0, "0"), (1.75, "1.75"), (1e20, "1e+20"), ("", "")],
)
def test_attributes_as_they_are(value, text):
    assert exact("x", value) == f"x={text}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (37, "30..40"),
        (30, "30..40"),
        (99.9, "90..100"),
        (100, "100..200"),
        (0.049, "0.04..0.05"),
        (-37, "-40..-30"),
        (0, "0"),
        (1e300, "1e+300..2e+300"),
        (2e-308, "2e-308..3e-308"),
    ],
)
def test_numbers_in_ranges(value, text):
    assert in_range("x", value) == f"x={text}"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_has_no_name(value):
    assert exact("x", value) is None
    assert in_range("x", value) is None
    assert attribute_names([{"x": value}]) == ()


@given(st.floats(allow_nan=False, allow_infinity=False).filter(bool))
def test_a_range_holds_its_number(value):
    low, high = (float(end) for end in in_range("x", value).removeprefix("x=").split(".."))
    assert low <= value <= high


def test_few_numbers_stay_and_many_become_ranges():
    few = [{"age": float(age)} for age in range(FEW_DISTINCT)]
    many = [{"age": float(age)} for age in range(10, 60)]
    assert len(attribute_names(few)) == FEW_DISTINCT
    assert attribute_names(many) == ("age=10..20", "age=20..30", "age=30..40", "age=40..50", "age=50..60")
    assert told({"age": 33.0}, attribute_names(many)) == ["age=30..40"]
    assert told({"age": 33.0}, attribute_names(few)) == []


def test_one_attribute_may_be_of_several_kinds():
    users = [{"x": True}, {"x": 1.0}, {"x": "yes"}, {"x": "true"}]
    assert attribute_names(users) == ("x=1", "x=true", "x=yes")


def test_users_by_hand():
    users = [
        User(user_id="a", attributes={"country": "France", "member": True}, signed_up_at=at(3)),
        User(user_id="b"),
        User(user_id="c", attributes={"country": "Spain"}),
    ]
    made = fit_user_features(users)
    assert made.attribute_names == ("country=France", "country=Spain", "member=true")
    assert [made.attributes.row(row).tolist() for row in range(3)] == [[0, 2], [], [1]]
    assert made.signed_up_at.tolist() == [time(3), NEVER, NEVER]
    stranger = encode_users([User(user_id="d", attributes={"country": "Peru"})], attribute_names=made.attribute_names)
    assert stranger.attributes.row(0).tolist() == []
