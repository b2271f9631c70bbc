"""Which items that a bundle knows are like items that it does not, by what they are.

Owns the cosine of rare features in common, in NumPy alone; `models.content_matrix` weighs them alike in training.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, Bools, Floats, ItemFeatures, Rows


class Near(NamedTuple):
    """For each new item its most alike known ones: `items` int32 [n, k], −1 where there are fewer, and `weights`
    float32 [n, k], 0 there, each row summing to 1 or to 0.
    """

    items: Rows
    weights: Floats


class Likeness:
    """Known items by their features, of which those that `among` names can be found."""

    def __init__(self, features: ItemFeatures, among: Bools) -> None:
        """Take features of n_items and bool [n_items]."""
        rows, columns = _pairs(features)
        n_items, n_features = len(features.categories), _n_features(features)
        carriers = np.bincount(columns, minlength=n_features)
        self._rarity = np.log(max(n_items, 1) / np.maximum(carriers, 1)).astype(np.float32)
        self._lengths = np.sqrt(np.bincount(rows, self._rarity[columns] ** 2, minlength=n_items))
        order = np.argsort(columns, kind="stable")
        self._carriers, self._among = rows[order], among
        self._starts = np.concatenate([[0], np.cumsum(carriers)])

    def nearest(self, features: ItemFeatures, *, k: int, power: float) -> Near:
        """Return the `k` nearest known items of each new one, weighted by likeness to a power."""
        n = len(features.categories)
        items, weights = np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32)
        rows, columns = _pairs(features)
        columns = columns[np.argsort(rows, kind="stable")]
        ends = np.cumsum(np.bincount(rows, minlength=n))
        for row, own in enumerate(np.split(columns, ends[:-1])):
            found, likeness = self._best(own, k)
            total = (likeness**power).sum()
            if total > 0:
                items[row, : len(found)], weights[row, : len(found)] = found, likeness**power / total
        return Near(items, weights)

    def _best(self, columns: NDArray[np.int64], k: int) -> tuple[Rows, Floats]:
        common = np.zeros(len(self._lengths), np.float32)
        for column in columns.tolist():
            common[self._carriers[self._starts[column] : self._starts[column + 1]]] += self._rarity[column] ** 2
        alike = np.flatnonzero((common > 0) & self._among)
        likeness = (common[alike] / self._lengths[alike]).astype(np.float32)
        best = np.argsort(-likeness, kind="stable")[:k]
        length = np.sqrt((self._rarity[columns] ** 2).sum())
        return alike[best].astype(np.int32), likeness[best] / np.float32(max(length, 1e-12))


def _parts(features: ItemFeatures) -> tuple[Bags, ...]:
    return features.categories, features.tags, features.words


def _n_features(features: ItemFeatures) -> int:
    return sum(bags.n_features for bags in _parts(features))


def _pairs(features: ItemFeatures) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row and the column of every feature of every item, the columns of all bags side by side."""
    rows, columns, first = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for bags in _parts(features):
        rows.append(np.repeat(np.arange(len(bags)), bags.sizes))
        columns.append(bags.indices.astype(np.int64) + first)
        first += bags.n_features
    return np.concatenate(rows), np.concatenate(columns)
