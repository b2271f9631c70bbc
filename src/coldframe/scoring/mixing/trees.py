"""Boosted trees as arrays.

Owns the walk down the trees. LightGBM grows them in `models`; serving needs none of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.mixing.evidence import Evidence


@dataclass(frozen=True)
class Trees:
    """All trees' nodes end to end; `roots` says where each begins.

    Node i asks column `feature[i]` ≤ `threshold[i]` and goes to `left[i]` or `right[i]`; a leaf points to itself on
    both sides and adds `value[i]`. `depth` steps reach a leaf from any root. Columns: features, then context.
    """

    roots: Rows
    feature: Rows
    threshold: NDArray[np.float64]
    left: Rows
    right: Rows
    value: NDArray[np.float64]
    depth: int

    def combine(self, evidence: Evidence) -> Floats:
        """Return the sum of the leaves, float32 [n]."""
        columns = np.concatenate([evidence.features, evidence.context], axis=1)
        flat, width = columns.ravel(), columns.shape[1]
        start = (np.arange(len(columns)) * width)[:, None]
        node = np.tile(self.roots, (len(columns), 1))
        for _ in range(self.depth):
            goes_left = flat[start + self.feature[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        return self.value[node].sum(axis=1).astype(np.float32)
