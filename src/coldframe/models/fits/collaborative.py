"""Matrix factorisation of users and items; serving needs the items' side alone."""

import numpy as np

from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Collaborative
from coldframe.scoring.profile import Recall


def fit_collaborative(workshop: Workshop) -> Collaborative | None:
    """Return the factorisation of the workshop's likes; None with fewer than two warm items."""
    warm = np.flatnonzero(workshop.is_warm)
    if len(warm) < 2:
        return None
    settings, (_, items) = workshop.settings.collaborative, workshop.sides
    n_items, dim = workshop.training_set.n_items, items.vectors.shape[1]
    vectors, bias = np.zeros((n_items, dim), np.float32), np.zeros(n_items, np.float32)
    vectors[warm], bias[warm] = items.vectors, items.bias
    return Collaborative(
        name="collaborative",
        family="collaborative",
        vectors=vectors,
        bias=bias,
        gram=items.vectors.T @ items.vectors,
        pull=items.vectors.T @ items.bias,
        can_score=workshop.is_warm,
        alpha=settings.alpha,
        regularization=settings.regularization,
        recall=Recall(half_life_days=settings.half_life_days),
    )
