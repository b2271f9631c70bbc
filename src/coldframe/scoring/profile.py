"""A user's past as item weights: what every expert that looks at history starts from.

Owns decay and saturation, the same at training and at serving. Never looks beyond the request's own past.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coldframe.dataset.training_set import DAY_US, Floats, Rows
from coldframe.scoring.request import Request


class Profile(NamedTuple):
    """Distinct items of positive weight, ascending rows, and how much each counts now, float32."""

    items: Rows
    weights: Floats


@dataclass(frozen=True)
class Recall:
    """How a past is remembered.

    An event counts its weight × 2^(−age ÷ `half_life_days`) (0: no decay in time) × `step_decay`^(steps back), where
    a step is a distinct moment of the user's past (1: no decay in order); an item counts the sum of its events, at
    most `cap` (0: no cap). Events of negative weight count nothing here.
    """

    half_life_days: float = 0.0
    step_decay: float = 1.0
    cap: float = 1.0

    def profile(self, request: Request) -> Profile:
        """Return what the request's past says now.

        >>> from coldframe.scoring.request import History
        >>> past = History(np.array([4, 2, 4], np.int32), np.array([1, 1, -1], np.float32), np.array([0, 1, 2]))
        >>> Recall(step_decay=0.5).profile(Request(past, now=3))
        Profile(items=array([2, 4], dtype=int32), weights=array([0.5 , 0.25], dtype=float32))
        """
        known = request.recalled.get(self)
        if known is None:
            known = request.recalled[self] = self._profile(request)
        return known

    def _profile(self, request: Request) -> Profile:
        history = request.history
        amount = np.maximum(history.weight, 0.0).astype(np.float64)
        if self.half_life_days > 0:
            amount *= np.exp2((history.timestamp - request.now) / (DAY_US * self.half_life_days))
        if self.step_decay < 1 and len(history):
            steps = np.cumsum(np.diff(history.timestamp, prepend=history.timestamp[0]) != 0)
            amount *= self.step_decay ** (steps[-1] - steps)
        items, place = history.distinct
        weights = np.bincount(place, amount, minlength=len(items))
        if self.cap > 0:
            weights = np.minimum(weights, self.cap)
        known = weights > 0
        return Profile(items[known].astype(np.int32), weights[known].astype(np.float32))
