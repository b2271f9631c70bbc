"""Empirical Bayes: what features say of a row fills the part of its vector that its own events cannot carry yet.

Every row's vector is drawn around a mean that is linear in its features, with variance τ²; what its events say of it
errs by σ² ÷ events. Both are estimated from two halves of the same events, so the data decide how many events a prior
is worth: σ² ÷ τ² (Efron and Morris 1975). Owns that estimate. Knows no users and no items.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats

RIDGE = 1.0
"""What pulls the features' weights to 0: this × a feature's mean square ÷ √rows."""
WORTH = (0.5, 200.0)
"""The least and the most events that a prior may be worth."""


@dataclass(frozen=True)
class Prior:
    """A row's expected vector is features · `weights` + `mean`, float32 [n_features, dim] and [dim].

    `worth` is how many events of a row's own count as much as that.
    """

    weights: Floats
    mean: Floats
    worth: float

    def expected(self, features: Any) -> Floats:
        """Return what features [n, n_features], dense or sparse, say of each row, float32 [n, dim]."""
        return np.asarray(features @ self.weights + self.mean, np.float32)

    def posterior(self, features: Any, own: Floats, events: NDArray[Any]) -> Floats:
        """Return each row's vector, float32 [n, dim]: the expected one at 0 `events`, its own where they are many.

        `own` comes from a ridge regression and so is drawn to 0 already, by what the prior is to fill.
        """
        missing = (self.worth / (events + self.worth))[:, None]
        return (own + missing * self.expected(features)).astype(np.float32)


def learn_prior(
    features: Any, own: Floats, halves: tuple[Floats, Floats], events: NDArray[Any], *, metric: Floats
) -> Prior:
    """Return the prior of rows with `own` vectors [n, dim], which two halves of their `events` [n] made anew.

    Distances are taken in `metric` [dim, dim], the Gram matrix of what the vectors are multiplied with: two vectors are
    apart as far as their scores are.
    """
    weights, mean = _regression(features, own, np.sqrt(events))
    expected = np.asarray(features @ weights + mean, np.float32)
    known = events >= 2
    first, second = ((half - expected)[known] for half in halves)
    apart = first - second
    noise = float(np.sum(events[known] * ((apart @ metric) * apart).sum(axis=1))) / 4
    signal = float(np.sum((first @ metric) * second))
    return Prior(weights, mean, float(np.clip(noise / max(signal, 1e-12), *WORTH)))


def _regression(features: Any, own: Floats, importance: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return weights and mean of the ridge regression of the vectors on the features, rows weighted by importance."""
    share = importance / max(float(importance.sum()), 1e-12)
    mean, centre = share @ own, np.asarray(share @ features)
    weighted = features.T @ sp.diags(share)
    square = weighted @ features
    left = (square.toarray() if sp.issparse(square) else square) - np.outer(centre, centre)
    width = left.shape[0]
    if not width:
        return np.zeros((0, own.shape[1]), np.float32), mean.astype(np.float32)
    ridge = RIDGE * max(float(np.trace(left)) / width, 1e-9) / np.sqrt(len(own))
    right = np.asarray(weighted @ own) - np.outer(centre, mean)
    weights = la.solve(left + ridge * np.eye(width), right, assume_a="pos")
    return weights.astype(np.float32), (mean - centre @ weights).astype(np.float32)
