"""Implicit-feedback matrix factorisation: the user's vector is solved from his past at each request.

Hu, Koren and Volinsky (2008), with item biases and the frequency-scaled ridge of Rendle et al. (2021). Owns fold-in
and the score. `models.als` fits the items' side with the very same equations.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coldframe.dataset.training_set import Bools, Floats
from coldframe.scoring.kernel import Matrix, System, folded_in
from coldframe.scoring.opinion import ByMatrix, Opinion, Silence, SpeaksBriefly
from coldframe.scoring.profile import Profile, Recall
from coldframe.scoring.request import Family, Request
from coldframe.scoring.space import Units


@dataclass(frozen=True)
class Collaborative(SpeaksBriefly):
    """Item vectors Y float32 [n_items, dim] and biases b [n_items]; `gram` is Y'Y and `pull` is Y'b.

    A seen item counts 1 + `alpha` × weight times as much as an unseen one; the ridge is `regularization` per unit of
    confidence, n_items + `alpha` × Σ weight.
    """

    name: str
    family: Family
    vectors: Floats
    bias: Floats
    gram: Floats
    pull: Floats
    can_score: Bools
    alpha: float
    regularization: float
    recall: Recall

    def opinion(self, request: Request) -> Opinion:
        """Return b + Y u for the user folded in from the past; silent without one."""
        past = self.recall.profile(request)
        seen = self.can_score[past.items]
        if not seen.any():
            return Silence(len(self.bias))
        user = self.fold_in(Profile(past.items[seen], past.weights[seen]))
        return self.opinion_on(user)

    def opinion_on(self, user: Floats) -> Opinion:
        """Return b + Y u for a vector u [dim]."""
        return ByMatrix(self._matrix, user, self.can_score, self._n_fitted)

    def fold_in(self, past: Profile) -> Floats:
        """Return the vector [dim] that minimises Σ c (p − b − Y u)² + ridge ‖u‖² over the whole catalogue."""
        extra = np.float32(self.alpha) * past.weights
        ridge = self.regularization * (self._n_fitted + float(extra.sum()))
        return folded_in(self._system, past.items, extra, ridge)

    @cached_property
    def space(self) -> Units:
        """Where items are; those that were never fitted are nowhere."""
        return Units(self.vectors)

    def prepare(self) -> None:
        """Make the codes that a scan reads."""
        _ = self._matrix, self._n_fitted, self._system

    @cached_property
    def _system(self) -> System:
        return System.of(self.gram, self.pull, self.vectors, self.bias)

    @cached_property
    def _matrix(self) -> Matrix:
        return Matrix(self.vectors, self.bias)

    @cached_property
    def _n_fitted(self) -> int:
        return int(self.can_score.sum())
