"""Experts that multiply the history with an item-item matrix: s = x B.

Owns the product. EASE, its content-stacked and content-smoothed forms, linear walks and transitions differ only in how
`models` fits B and in how the past is remembered.
"""

from dataclasses import dataclass

from coldframe.dataset.training_set import Floats
from coldframe.scoring.codes import CodedRows
from coldframe.scoring.experts.past import FromPast
from coldframe.scoring.profile import Profile
from coldframe.scoring.sparse import SparseRows


@dataclass(frozen=True, kw_only=True)
class ItemItem(FromPast):
    """s = x B with sparse B [n_items, n_items]."""

    matrix: SparseRows

    def says(self, past: Profile) -> Floats:
        """Return float32 [n_items]."""
        return self.matrix.combine(past.items, past.weights)


@dataclass(frozen=True, kw_only=True)
class DenseItemItem(FromPast):
    """s = x B with dense B [n_items, n_items], one byte per entry."""

    matrix: CodedRows

    def says(self, past: Profile) -> Floats:
        """Return float32 [n_items]."""
        return self.matrix.combine(past.items, past.weights)
