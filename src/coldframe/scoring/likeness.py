"""Which items that a bundle knows are like others, by what they are.

Owns the cosine of rare features in common, in NumPy alone; `models.content_matrix` weighs them alike in training.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, Bools, Floats, ItemFeatures, Rows
from coldframe.pacing import rested


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
        self._features = features
        rows, columns = _pairs(features)
        n_items, n_features = len(features.categories), _n_features(features)
        carriers = np.bincount(columns, minlength=n_features)
        self._rarity = np.log(max(n_items, 1) / np.maximum(carriers, 1)).astype(np.float32)
        squares = np.bincount(rows, self._rarity[columns] ** 2, minlength=n_items)
        self._lengths = np.sqrt(squares).astype(np.float32)
        order = np.argsort(columns, kind="stable")
        self._carriers, self._among = rows[order].astype(np.int32), among
        self._starts = np.concatenate([[0], np.cumsum(carriers)])

    def to_itself(self, features: ItemFeatures, rows: Rows) -> Floats:
        """Return the cosine of each described item to what a known one, of `rows`, was when it was trained on.

        It is 1 where neither then nor now anything is known of it.
        """
        alike = [
            self._cosine(_row(features, now), _row(self._features, then)) for now, then in enumerate(rows.tolist())
        ]
        return np.array(alike, np.float32)

    def _cosine(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
        if np.array_equal(one, other):
            return 1.0
        squares = [float((self._rarity[each] ** 2).sum()) for each in (one, other, np.intersect1d(one, other))]
        return squares[2] / max((squares[0] * squares[1]) ** 0.5, 1e-12)

    def nearest(self, features: ItemFeatures, *, k: int, power: float, besides: Rows | None = None) -> Near:
        """Return the `k` nearest known items of each described one, weighted by likeness to a power.

        `besides` int32 [n] is a known item for each that does not count, −1 for none.
        """
        n = len(features.categories)
        items, weights = np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32)
        left_out = np.full(n, -1) if besides is None else besides
        for row in rested(range(n), 1):
            found, likeness = self._best(_row(features, row), k, int(left_out[row]))
            total = (likeness**power).sum()
            if total > 0:
                items[row, : len(found)], weights[row, : len(found)] = found, likeness**power / total
        return Near(items, weights)

    def _best(self, columns: NDArray[np.int64], k: int, besides: int) -> tuple[Rows, Floats]:
        likeness = self._alike(columns)
        found = (likeness > 0) & self._among
        if besides >= 0:
            found[besides] = False
        alike = np.flatnonzero(found)
        best = alike[np.argsort(-likeness[alike], kind="stable")[:k]]
        return best.astype(np.int32), likeness[best]

    def _alike(self, columns: NDArray[np.int64]) -> Floats:
        """Return every known item's cosine to one of these features, float32 [n_items]."""
        common = np.zeros(len(self._lengths), np.float32)
        for column in columns.tolist():
            common[self._carriers[self._starts[column] : self._starts[column + 1]]] += self._rarity[column] ** 2
        length = np.float32(np.sqrt((self._rarity[columns] ** 2).sum()))
        return (common / np.maximum(self._lengths * length, 1e-12)).astype(np.float32)


def _parts(features: ItemFeatures) -> tuple[Bags, ...]:
    return features.categories, features.tags, features.words


def _n_features(features: ItemFeatures) -> int:
    return sum(bags.n_features for bags in _parts(features))


def _row(features: ItemFeatures, row: int) -> NDArray[np.int64]:
    """Return the columns of one item's features, as in `_pairs`."""
    parts = _parts(features)
    firsts = np.cumsum([0, *(bags.n_features for bags in parts)])
    return np.concatenate([bags.row(row) + first for bags, first in zip(parts, firsts, strict=False)])


def _pairs(features: ItemFeatures) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row and the column of every feature of every item, the columns of all bags side by side."""
    rows, columns, first = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for bags in _parts(features):
        rows.append(np.repeat(np.arange(len(bags)), bags.sizes))
        columns.append(bags.indices.astype(np.int64) + first)
        first += bags.n_features
    return np.concatenate(rows), np.concatenate(columns)
