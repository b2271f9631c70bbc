"""Experts that pass the history through item factors: s = (x P) Q'.

Owns the two products. Spectral filters of the item-item Gram matrix have this form.
"""

from dataclasses import dataclass
from functools import cached_property

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.kernel import Matrix
from coldframe.scoring.opinion import ByMatrix, Opinion, Silence, SpeaksBriefly
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request


@dataclass(frozen=True, kw_only=True)
class Factors(SpeaksBriefly):
    """`inward` P and `outward` Q, both float32 [n_items, dim]."""

    name: str
    family: Family
    can_score: Bools
    recall: Recall
    inward: Floats
    outward: Floats

    def opinion(self, request: Request) -> Opinion:
        """Return the products; silent without a past, and on items outside `can_score`."""
        past = self.recall.profile(request)
        if not len(past.items):
            return Silence(len(self.can_score))
        vector = past.weights @ self.inward[past.items]
        return ByMatrix(self._matrix, vector, self.can_score, self._n_scored)

    def prepare(self) -> None:
        """Make the codes that a scan reads."""
        _ = self._matrix, self._n_scored

    @cached_property
    def _matrix(self) -> Matrix:
        return Matrix(self.outward)

    @cached_property
    def _n_scored(self) -> int:
        return int(self.can_score.sum())
