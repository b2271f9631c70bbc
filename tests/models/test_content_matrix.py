"""TF-IDF rows: rarity, lengths, and what an item described at length keeps of its own."""

import numpy as np
import pytest

from coldframe.dataset.training_set import Bags, ItemFeatures
from coldframe.models.content_matrix import tf_idf


def tagged(*items: tuple[int, ...], n_tags: int = 6) -> ItemFeatures:
    indptr = np.cumsum([0, *map(len, items)])
    bags = Bags(indptr.astype(np.int64), np.array([tag for item in items for tag in item], np.int32), n_tags)
    nothing = Bags(np.zeros(len(items) + 1, np.int64), np.zeros(0, np.int32), 0)
    return ItemFeatures(nothing, bags, nothing, np.zeros((len(items), 0), np.float32), np.zeros(len(items), np.int64))


def lengths(features: ItemFeatures, exponent: float) -> np.ndarray:
    return np.linalg.norm(tf_idf(features, length_exponent=exponent).toarray(), axis=1)


def test_rows_are_of_length_one_or_empty():
    np.testing.assert_allclose(lengths(tagged((0, 1), (2, 3, 4), (), (5, 0)), 0), [1, 1, 0, 1], rtol=1e-6)


def test_with_an_exponent_what_is_described_at_length_counts_more():
    features = tagged((0, 1), (2, 3, 4, 5), ())
    short, long, nothing = lengths(features, 0.5)
    assert short < 1 < long
    assert nothing == 0
    assert long / short == pytest.approx(2**0.25)


def test_what_every_item_has_says_nothing():
    assert not tf_idf(tagged((0, 1), (0, 2), (0, 3))).toarray()[:, 0].any()
