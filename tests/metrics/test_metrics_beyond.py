"""Coverage, concentration and diversity: known answers, bounds, and indifference to names."""

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe import metrics
from coldframe.dataset.training_set import Bags
from coldframe.errors import InputError

N_ITEMS = 8


def bags(*categories, n_features):
    sizes = np.cumsum([0, *map(len, categories)])
    return Bags(sizes.astype(np.int64), np.array([c for one in categories for c in one], np.int32), n_features)


def lists(*rows, length=None):
    width = length or max(map(len, rows))
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows], np.int32)


@st.composite
def worlds(draw):
    n_categories = draw(st.integers(1, 6))
    own = st.lists(st.integers(0, n_categories - 1), unique=True, max_size=3)
    categories = [draw(own) for _ in range(N_ITEMS)]
    item = st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=6)
    rows = draw(st.lists(item, min_size=1, max_size=5))
    return lists(*rows, length=6), categories, n_categories, draw(st.integers(1, 6))


@given(worlds())
def test_diversity_as_plain_python_counts_it(world):
    ranked, categories, n_categories, k = world
    table = bags(*categories, n_features=n_categories)
    expected, normalised = [], []
    for row in ranked.tolist():
        shown = [item for item in row[:k] if item >= 0]
        distinct = len({c for item in shown for c in categories[item]})
        expected.append(distinct / n_categories if shown else nan)
        normalised.append(min(1, distinct / min(k, n_categories)) if shown else nan)
    np.testing.assert_allclose(metrics.category_diversity(ranked, table, k), expected)
    np.testing.assert_allclose(metrics.normalised_category_diversity(ranked, table, k), normalised)


@given(worlds())
def test_top_share_as_plain_python_counts_it(world):
    ranked, categories, n_categories, k = world
    held, shown = [0.0] * n_categories, 0
    for item in (item for row in ranked.tolist() for item in row[:k] if item >= 0):
        shown += 1
        for category in categories[item]:
            held[category] += 1 / len(categories[item])
    expected = sum(sorted(held, reverse=True)[:2]) / shown if shown else nan
    actual = metrics.top_share(ranked, bags(*categories, n_features=n_categories), k)
    np.testing.assert_allclose(actual, expected)


def test_the_articles_score_cannot_reach_1_with_15_categories_and_the_normalised_can():
    table = bags(*([c] for c in range(15)), n_features=15)
    best = lists(range(10))
    assert metrics.category_diversity(best, table).tolist() == [10 / 15]
    assert metrics.normalised_category_diversity(best, table).tolist() == [1.0]


def test_an_item_without_category_is_no_category():
    table = bags([], [], [0], n_features=2)
    ranked = lists([0, 1], [0, 2])
    assert metrics.category_diversity(ranked, table).tolist() == [0.0, 0.5]
    assert metrics.top_share(ranked, table) == 0.25


def test_a_catalogue_without_categories_has_no_diversity():
    table = bags([], [], n_features=0)
    assert np.isnan(metrics.category_diversity(lists([0, 1]), table)).all()
    assert np.isnan(metrics.normalised_category_diversity(lists([0, 1]), table)).all()
    assert metrics.top_share(lists([0, 1]), table) == 0


def test_the_articles_alarm_two_of_fifteen_categories_with_80_percent():
    table = bags(*([c] for c in range(15)), n_features=15)
    ranked = lists([0, 0, 0, 0, 1, 1, 1, 1, 7, 8])
    assert metrics.top_share(ranked, table) == pytest.approx(0.8)


@given(worlds(), st.permutations(range(N_ITEMS)))
def test_coverage_and_gini_are_bounded_and_blind_to_names(world, names):
    ranked, _, _, k = world
    renamed = np.where(ranked >= 0, np.array(names)[ranked], -1).astype(np.int32)
    for function in (metrics.catalogue_coverage, metrics.exposure_gini):
        value = function(ranked, N_ITEMS, k)
        assert isnan(value) or 0 <= value <= 1
        np.testing.assert_equal(function(renamed, N_ITEMS, k), value)


@given(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=30))
def test_gini_is_the_mean_absolute_difference_over_twice_the_mean(shown):
    counts = np.bincount(shown, minlength=N_ITEMS)
    expected = np.abs(counts[:, None] - counts).mean() / (2 * counts.mean())
    assert metrics.exposure_gini(np.array([shown], np.int32), N_ITEMS) == pytest.approx(expected)


@pytest.mark.parametrize(("row", "gini", "coverage"), [(range(8), 0.0, 1.0), ([3], 7 / 8, 1 / 8), ([], nan, 0.0)])
def test_gini_and_coverage_at_their_ends(row, gini, coverage):
    ranked = lists(row, length=8)
    np.testing.assert_allclose(metrics.exposure_gini(ranked, N_ITEMS), gini, atol=1e-12)
    assert metrics.catalogue_coverage(ranked, N_ITEMS) == coverage


def test_only_the_first_k_are_exposed():
    assert metrics.exposure(lists([0, 1, 2]), 3, k=2).tolist() == [1, 1, 0]


def test_a_catalogue_of_nothing_and_an_item_beyond_it():
    empty = np.empty((0, 3), np.int32)
    assert isnan(metrics.catalogue_coverage(empty, 0))
    with pytest.raises(InputError, match="row 5 is not below n_items = 5"):
        metrics.catalogue_coverage(lists([5]), 5)


@pytest.mark.parametrize(
    ("popularity", "head", "expected"),
    [
        ([9, 5, 1, 1, 1], 0.2, [0.5, 1.0]),
        ([9, 5, 1, 1, 1], 0.4, [0.0, 1.0]),
        ([1, 1, 1, 1, 1], 0.2, [0.0, 0.0]),
        ([1, 2, 3, 4, 5], 1.0, [0.0, 0.0]),
    ],
)
def test_the_tail_is_what_is_not_head_and_ties_with_the_head_are_head(popularity, head, expected):
    assert metrics.tail_share(lists([0, 1], [2]), popularity, head=head).tolist() == expected


def test_tail_share_without_items_or_with_an_impossible_head():
    assert np.isnan(metrics.tail_share(lists([], length=2), [1.0, 2.0])).all()
    assert np.isnan(metrics.tail_share(lists([], length=2), [])).all()
    with pytest.raises(InputError, match="head"):
        metrics.tail_share(lists([0]), [1.0], head=0.0)
