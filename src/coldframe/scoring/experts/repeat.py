"""What this user comes back for: a shop's refills, an album played again.

Owns the score of items the user had before. Says nothing about any other item: missing is not zero.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.scoring.experts.past import silence
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request


@dataclass(frozen=True)
class Repeat:
    """log(1 + decayed count) × the item's own readiness to be taken again, `readiness` float32 [n_items] in 0 … 1."""

    name: str
    family: Family
    readiness: Floats
    recall: Recall

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items], NaN on items outside the past."""
        past = self.recall.profile(request)
        scores = silence(len(self.readiness))
        scores[past.items] = np.log1p(past.weights) * self.readiness[past.items]
        return scores
