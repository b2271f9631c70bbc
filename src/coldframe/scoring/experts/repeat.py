"""What this user comes back for: a shop's refills, an album played again.

Owns the score of items the user had before. Says nothing about any other item: missing is not zero.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.scoring.opinion import OfFew, Opinion, SpeaksBriefly
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request


@dataclass(frozen=True)
class Repeat(SpeaksBriefly):
    """log(1 + decayed count) × the item's own readiness to be taken again, `readiness` float32 [n_items] in 0 … 1."""

    name: str
    family: Family
    readiness: Floats
    recall: Recall

    def opinion(self, request: Request) -> Opinion:
        """Return the scores of the past's items."""
        past = self.recall.profile(request)
        return OfFew(past.items, np.log1p(past.weights) * self.readiness[past.items], len(self.readiness))
