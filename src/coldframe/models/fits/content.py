"""The content tower: what an item is, through a network, to a vector near the items that the same people take.

Trained as it is served: a user stands for the items of his past, so a pair (item of the past, item taken) should be
close, and the pairs (item of the past, item drawn outside the whole history) should not. The tower sees categories,
tags, words and numerics, never an item's id.
"""

import numpy as np

from coldframe.clock import generator
from coldframe.models.pairs import training_pairs
from coldframe.models.tower import fit_tower
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Content
from coldframe.scoring.profile import Recall

PRIOR = 1.0
"""An attribute vector is worth this many items of history."""


def fit_content(workshop: Workshop) -> Content | None:
    """Return the tower's vectors for every item; None where nothing is known of any item or nothing was taken."""
    known = workshop.is_described
    if not known.any():
        return None
    pairs = training_pairs(workshop)
    if not len(pairs):
        return None
    draw = generator(workshop.settings.training.seed, "content")
    vectors = fit_tower(
        workshop.item_inputs,
        pairs,
        workshop.settings.content,
        draw,
        progress=lambda done, total: workshop.report("train content tower", done, total),
    )
    vectors[~known] = 0
    recall = Recall(half_life_days=workshop.settings.content.half_life_days)
    return Content("content", "content", vectors, _attribute_vectors(workshop, vectors), PRIOR, known, recall)


def _attribute_vectors(workshop: Workshop, vectors: np.ndarray) -> np.ndarray:
    """Return for each user attribute the mean vector of what its users like, less everybody's, [n_attributes, dim]."""
    bags = workshop.training_set.user_features.attributes
    liked = workshop.seen @ vectors
    users = np.asarray(workshop.seen.sum(axis=1)).ravel()
    everybody = liked.sum(axis=0) / max(users.sum(), 1e-9)
    total = np.zeros((bags.n_features, vectors.shape[1]), np.float32)
    weight = np.zeros(bags.n_features, np.float32)
    holder = np.repeat(np.arange(len(bags)), np.diff(bags.indptr))
    np.add.at(total, bags.indices, liked[holder])
    np.add.at(weight, bags.indices, users[holder])
    return np.where(weight[:, None] > 0, total / np.maximum(weight[:, None], 1e-9) - everybody, 0).astype(np.float32)
