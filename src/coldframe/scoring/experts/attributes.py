"""The plainest content expert: which words, tags and categories does the past have in common with an item?

Owns the profile in feature space. Rows are TF-IDF weighted and of about length 1 (Salton), so a score is about a
cosine before the user's own norm, which is the same for all items.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.experts.past import masked, silence
from coldframe.scoring.opinion import SpeaksInFull
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request
from coldframe.scoring.sparse import SparseRows


@dataclass(frozen=True)
class AttributeProfile(SpeaksInFull):
    """`features` holds one row an item, [n_items, n_features]; silent without a past that has features."""

    name: str
    family: Family
    features: SparseRows
    can_score: Bools
    recall: Recall

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        past = self.recall.profile(request)
        profile = self.features.combine(past.items, past.weights)
        size = np.linalg.norm(profile)
        if size == 0:
            return silence(len(self.can_score))
        told = np.flatnonzero(profile).astype(np.int32)
        return masked(self._carriers.combine(told, (profile[told] / size).astype(np.float32)), self.can_score)

    def prepare(self) -> None:
        """Turn the features round, so that only those of the past are looked at."""
        _ = self._carriers

    @cached_property
    def _carriers(self) -> SparseRows:
        return self.features.transposed()
