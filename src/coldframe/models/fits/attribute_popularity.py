"""What users with the same attributes take more than others do: for people who told us who they are, and no more."""

import numpy as np
import scipy.sparse as sp

from coldframe.models.fits.item_item import sparse_rows
from coldframe.models.fits.popularity import popularity
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import AttributePopularity

PRIOR = 20.0
"""Likes by which an attribute's shares are drawn towards everybody's."""


def fit_attribute_popularity(workshop: Workshop) -> AttributePopularity | None:
    """Return popularity by attribute; None where users have none."""
    bags = workshop.training_set.user_features.attributes
    if not bags.n_features or not len(bags.indices):
        return None
    users = sp.csr_matrix((np.ones(len(bags.indices), np.float32), bags.indices, bags.indptr))
    users.resize((workshop.training_set.n_users, bags.n_features))
    likes = sp.csr_matrix(users.T @ workshop.seen)
    overall = np.asarray(workshop.seen.sum(axis=0)).ravel()
    overall = overall / max(overall.sum(), 1e-9)
    total = np.asarray(likes.sum(axis=1)).ravel()
    attribute = np.repeat(np.arange(bags.n_features), np.diff(likes.indptr))
    share = overall[likes.indices]
    lift = np.log((likes.data + PRIOR * share) / ((total[attribute] + PRIOR) * share))
    matrix = sp.csr_matrix((np.maximum(lift, 0), likes.indices, likes.indptr), shape=likes.shape)
    return AttributePopularity("popular-alike", "popular", sparse_rows(matrix), popularity(workshop, np.inf))
