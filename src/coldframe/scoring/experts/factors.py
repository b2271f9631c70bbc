"""Experts that pass the history through item factors: s = (x P) Q'.

Owns the two products. Spectral filters of the item-item Gram matrix have this form.
"""

from dataclasses import dataclass

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.experts.item_item import masked, silence
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request


@dataclass(frozen=True)
class Factors:
    """`inward` P and `outward` Q, both float32 [n_items, dim]; silent without a past and outside `can_score`."""

    name: str
    family: Family
    inward: Floats
    outward: Floats
    can_score: Bools
    recall: Recall

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        past = self.recall.profile(request)
        if not len(past.items):
            return silence(len(self.can_score))
        return masked(self.outward @ (past.weights @ self.inward[past.items]), self.can_score)
