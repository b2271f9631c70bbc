"""Boosted trees as arrays, and the mean of several forms.

Owns the walk down the trees. LightGBM grows them in `models`; serving needs none of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.mixing.evidence import Evidence
from coldframe.scoring.mixing.forms import Form


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


@dataclass(frozen=True)
class Mean:
    """The mean of two forms' scores, each with mean 0 and deviation 1 over the request's candidates."""

    first: Form
    second: Form

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        both = standardised(self.first.combine(evidence)) + standardised(self.second.combine(evidence))
        return (both / 2).astype(np.float32)


def standardised(scores: Floats) -> Floats:
    """Return scores with mean 0 and deviation 1; equal scores become 0.

    >>> standardised(np.array([1, 3], np.float32)).tolist()
    [-1.0, 1.0]
    """
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)
