"""Matrix factorisation whose vectors begin at a prior: content for items, attributes for users.

Owns how a user moves from the vector of people with his attributes to the one of his own past. `models.fits.bayes` has
moved the items already.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.scoring.experts.collaborative import Collaborative
from coldframe.scoring.opinion import Opinion, Silence
from coldframe.scoring.profile import Profile
from coldframe.scoring.request import Request


@dataclass(frozen=True)
class EmpiricalBayes(Collaborative):
    """`attributes` float32 [n_attributes, dim] and `anybody` float32 [dim] make the vector expected of a user, which is
    worth `worth` items of a past.
    """

    attributes: Floats
    anybody: Floats
    worth: float

    def opinion(self, request: Request) -> Opinion:
        """Return b + Y u, u from past and attributes; silent without either."""
        past = self.recall.profile(request)
        known = self.can_score[past.items]
        past = Profile(past.items[known], past.weights[known])
        told = request.attributes
        if not len(past.items) and not len(told):
            return Silence(len(self.bias))
        user = self.anybody + (self.attributes[told].mean(axis=0) if len(told) else np.float32(0))
        if len(past.items):
            missing = np.float32(self.worth / (len(past.items) + self.worth))
            user = self.fold_in(past) + missing * user
        return self.opinion_on(user)
