"""Content as prior: the factorisation's vectors, each moved towards what content says where its events are few.

An item nobody took stands where its kind stands; one that many took stands where they put it; in between the data
decide (`models.shrinkage`). Likewise a user with attributes, as his past grows.
"""

import numpy as np
import scipy.sparse as sp

from coldframe.clock import generator
from coldframe.dataset.training_set import Bags, Floats
from coldframe.models.als import Side, solve_anew
from coldframe.models.csr import Csr
from coldframe.models.shrinkage import Prior, learn_prior
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import EmpiricalBayes
from coldframe.scoring.profile import Recall

EPOCHS = 3
"""Rounds of conjugate gradient that a half of the events is solved in."""


def fit_bayes(workshop: Workshop) -> EmpiricalBayes | None:
    """Return the factorisation with content as prior; None without content or with fewer than two warm items."""
    warm = np.flatnonzero(workshop.is_warm)
    if len(warm) < 2 or not workshop.is_described.any():
        return None
    settings, (users, items) = workshop.settings.collaborative, workshop.sides
    seen, described = workshop.seen[:, warm], workshop.is_described
    of_items = _prior(workshop, seen.T.tocsr(), workshop.item_inputs[warm], items, users)
    own = np.zeros((workshop.training_set.n_items, items.vectors.shape[1]), np.float32)
    own[warm] = _joined(items)
    joined = of_items.posterior(workshop.item_inputs, own, workshop.buyers)
    joined = np.where(described[:, None], joined, own)
    vectors, bias = joined.copy(), joined[:, -1]
    can_score = workshop.is_warm | described
    vectors[:, -1] = can_score
    of_users = _prior(workshop, seen, _bags(workshop.training_set.user_features.attributes), users, items)
    return EmpiricalBayes(
        name="bayes",
        family="content",
        vectors=vectors,
        bias=bias,
        gram=vectors.T @ vectors,
        pull=vectors.T @ bias,
        can_score=can_score,
        alpha=settings.alpha,
        regularization=settings.regularization,
        recall=Recall(half_life_days=settings.half_life_days),
        attributes=of_users.weights,
        anybody=of_users.mean,
        worth=of_users.worth,
    )


def _prior(workshop: Workshop, seen: Csr, features: Floats | Csr, own: Side, other: Side) -> Prior:
    """Return the prior of one side: `own` is its solution for all of `seen` [n, n_other], `other` the other side."""
    rule = workshop.settings.collaborative
    events = np.diff(seen.indptr)
    coin = generator(workshop.settings.training.seed, "halves").random(seen.nnz) < 0.5
    halves = [
        solve_anew(_only(seen, side), other, alpha=rule.alpha, regularization=rule.regularization, epochs=EPOCHS)
        for side in (coin, ~coin)
    ]
    first, second = (_joined(half) for half in halves)
    metric = other.vectors.T @ other.vectors
    return learn_prior(features, _joined(own), (first, second), events, metric=metric)


def _only(seen: Csr, kept: np.ndarray) -> Csr:
    entries = seen.tocoo()
    return sp.csr_matrix((entries.data[kept], (entries.row[kept], entries.col[kept])), shape=seen.shape)


def _joined(side: Side) -> Floats:
    """Return vectors and bias as one matrix, float32 [n, dim + 1]: the bias stands where the constant stood."""
    joined = side.vectors.copy()
    joined[:, -1] = side.bias
    return joined


def _bags(bags: Bags) -> Csr:
    """Return each row's features with equal shares, float32 [n, n_features]."""
    share = np.repeat(1 / np.maximum(bags.sizes, 1), bags.sizes).astype(np.float32)
    return sp.csr_matrix((share, bags.indices, bags.indptr), shape=(len(bags), bags.n_features))
