"""Experts that pass the history through item factors: s = (x P) Q'.

Owns the two products. Spectral filters of the item-item Gram matrix have this form.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats
from coldframe.scoring.experts.past import FromPast
from coldframe.scoring.profile import Profile


@dataclass(frozen=True, kw_only=True)
class Factors(FromPast):
    """`inward` P and `outward` Q, both float32 [n_items, dim]."""

    inward: Floats
    outward: Floats

    def says(self, past: Profile) -> NDArray[Any]:
        """Return float32 [n_items]."""
        return self.outward @ (past.weights @ self.inward[past.items])
