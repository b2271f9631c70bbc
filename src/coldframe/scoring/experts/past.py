"""What experts that look at the past share: silence without one, and on items they know nothing of.

Owns who is silent when. What a past says about items is each expert's own.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.opinion import SpeaksInFull
from coldframe.scoring.profile import Profile, Recall
from coldframe.scoring.request import Family, Request


def masked(scores: NDArray[Any], can_score: Bools) -> Floats:
    """Return the scores with NaN where the expert cannot say."""
    return np.where(can_score, scores, np.nan).astype(np.float32)


def silence(n_items: int) -> Floats:
    """Return "cannot say" for every item."""
    return np.full(n_items, np.nan, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class FromPast(SpeaksInFull, ABC):
    """An expert that scores the items of `can_score` from the past as `recall` remembers it, and nothing else."""

    name: str
    family: Family
    can_score: Bools
    recall: Recall

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]; silent without a past, and on items outside `can_score`."""
        past = self.recall.profile(request)
        if not len(past.items):
            return silence(len(self.can_score))
        return masked(self.says(past), self.can_score)

    @abstractmethod
    def says(self, past: Profile) -> NDArray[Any]:
        """Return what a past of at least one item says about every item, float [n_items]."""
