"""Experts that multiply the history with an item-item matrix: s = x B.

Owns the product. EASE, its content-stacked and content-smoothed forms, linear walks and transitions differ only in how
`models` fits B and in how the past is remembered.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request
from coldframe.scoring.sparse import SparseRows


def masked(scores: NDArray[Any], can_score: Bools) -> Floats:
    """Return the scores with NaN where the expert cannot say."""
    return np.where(can_score, scores, np.nan).astype(np.float32)


def silence(n_items: int) -> Floats:
    """Return "cannot say" for every item."""
    return np.full(n_items, np.nan, dtype=np.float32)


@dataclass(frozen=True)
class ItemItem:
    """s = x B with sparse B [n_items, n_items]; silent without a past, and on items outside `can_score`."""

    name: str
    family: Family
    matrix: SparseRows
    can_score: Bools
    recall: Recall

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        past = self.recall.profile(request)
        if not len(past.items):
            return silence(len(self.can_score))
        return masked(self.matrix.combine(past.items, past.weights), self.can_score)


@dataclass(frozen=True)
class DenseItemItem:
    """s = x B with dense float32 B [n_items, n_items]; silent as `ItemItem` is."""

    name: str
    family: Family
    matrix: Floats
    can_score: Bools
    recall: Recall

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        past = self.recall.profile(request)
        if not len(past.items):
            return silence(len(self.can_score))
        return masked(past.weights @ self.matrix[past.items], self.can_score)
