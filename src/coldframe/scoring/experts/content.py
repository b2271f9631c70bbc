"""Content vectors: an item nobody has seen has one, because it is made of what the item is, never of its id.

Owns the user's side: the mean of the past's vectors, and what attributes say. `models.content` fits the tower.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.kernel import Matrix
from coldframe.scoring.opinion import ByMatrix, Opinion, Silence, SpeaksBriefly
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family, Request
from coldframe.scoring.space import Units


@dataclass(frozen=True)
class Content(SpeaksBriefly):
    """`vectors` float32 [n_items, dim] of length 1 (all 0 where nothing is known of an item).

    `attributes` float32 [n_attributes, dim] are what each user attribute adds to the user's vector; `prior` is how
    many items of history they are worth.
    """

    name: str
    family: Family
    vectors: Floats
    attributes: Floats
    prior: float
    can_score: Bools
    recall: Recall

    def opinion(self, request: Request) -> Opinion:
        """Return the inner products with the user's vector; silent on a user nothing says about."""
        past = self.recall.profile(request)
        total = past.weights @ self.vectors[past.items]
        known = float(past.weights[self.can_score[past.items]].sum())
        if len(request.attributes):
            total = total + self.prior * self.attributes[request.attributes].mean(axis=0)
            known += self.prior
        if known <= 0 or not np.any(total):
            return Silence(len(self.can_score))
        return ByMatrix(self._matrix, total / np.float32(known), self.can_score, self._n_scored)

    @cached_property
    def space(self) -> Units:
        """Where items are by what they are."""
        return Units(self.vectors)

    def prepare(self) -> None:
        """Make the codes that a scan reads."""
        _ = self._matrix, self._n_scored

    @cached_property
    def _matrix(self) -> Matrix:
        return Matrix(self.vectors)

    @cached_property
    def _n_scored(self) -> int:
        return int(self.can_score.sum())
