"""Item-item carried over to new items: an item nobody took inherits from the warm items that it is like by content.

By a vote of the nearest, or by regression on them; both say of a warm item what its neighbours say, not itself.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from coldframe.models.csr import Csr, largest_of_rows
from coldframe.models.fits.item_item import as_expert
from coldframe.models.kernel_regression import regressed
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import DenseItemItem, ItemItem
from coldframe.scoring.profile import Recall

BLOCK = 512
"""Rows of a sparse model that are carried over at once."""


def fit_smoothed(workshop: Workshop) -> ItemItem | DenseItemItem | None:
    """Return s(j) = Σ_k sim(j, k)^p s(k) ÷ (shrink + Σ_k sim^p) over j's nearest warm items k by content."""
    settings = workshop.settings.item_item
    if not _may_inherit(workshop):
        return None
    near = largest_of_rows(workshop.alike, settings.content_neighbours)
    near.data = near.data ** np.float32(settings.content_power)
    total = np.asarray(near.sum(axis=1)).ravel() + settings.content_shrink
    return _heir("smoothed", workshop, sp.csr_matrix(sp.diags(1 / total) @ near, dtype=np.float32))


def fit_regressed(workshop: Workshop) -> ItemItem | DenseItemItem | None:
    """Return s(j) = Σ_k w_jk s(k), w_j the ridge regression of j on its nearest warm items k by content."""
    settings = workshop.settings.item_item
    if not _may_inherit(workshop):
        return None
    near = largest_of_rows(workshop.alike, settings.regression_neighbours)
    return _heir("regressed", workshop, regressed(workshop.features, near, settings.regression_ridge))


def _may_inherit(workshop: Workshop) -> bool:
    return bool(workshop.has_content.any() and workshop.is_warm.sum() >= 2)


def _heir(name: str, workshop: Workshop, weights: Csr) -> ItemItem | DenseItemItem:
    """Return the scorer of what each item inherits, by weights [n_items, n_items] of its neighbours."""
    settings = workshop.settings.item_item
    recall = Recall(half_life_days=settings.half_life_days)
    can_score = np.diff(weights.indptr) > 0
    matrix = _carried_over(workshop.item_item, weights, settings.kept_per_item)
    return as_expert(name, "content", matrix, can_score, recall, settings)


def _carried_over(matrix: Any, weights: Csr, kept: int) -> Any:
    """Return `matrix` times the weights, [n_items, n_items]; of a sparse one the largest `kept` entries of each row."""
    if not sp.issparse(matrix):
        return matrix @ weights.T
    spread = weights.T.tocsr()
    starts = range(0, matrix.shape[0], BLOCK)
    return sp.vstack([largest_of_rows(matrix[at : at + BLOCK] @ spread, kept) for at in starts], format="csr")
