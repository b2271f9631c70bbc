"""Closed-form item-item models: on history alone, and on history and content in one.

EASE (Steck 2019); stacked with item features as further rows of the matrix (Jeunen et al. 2020).
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from coldframe.models.csr import Csr
from coldframe.models.gram import Stacked, solve
from coldframe.models.workshop import Workshop
from coldframe.scoring.codes import CodedRows
from coldframe.scoring.experts import DenseItemItem, ItemItem
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import Family
from coldframe.scoring.sparse import SparseRows
from coldframe.settings import ItemItemSettings


def fit_item_item(workshop: Workshop) -> ItemItem | DenseItemItem | None:
    """Return EASE on the workshop's likes; None with fewer than two warm items."""
    if workshop.is_warm.sum() < 2:
        return None
    settings = workshop.settings.item_item
    recall = Recall(half_life_days=settings.half_life_days)
    return as_expert("item-item", "collaborative", workshop.item_item, workshop.is_warm, recall, settings)


def fit_recent(workshop: Workshop) -> ItemItem | DenseItemItem | None:
    """Return the same EASE as `fit_item_item`, asked about the last moments of a past more than about the others."""
    times = workshop.training_set.interactions.timestamp
    if workshop.is_warm.sum() < 2 or times.min() == times.max():
        return None
    settings = workshop.settings.item_item
    recall = Recall(step_decay=settings.step_decay)
    return as_expert("recent", "collaborative", workshop.item_item, workshop.is_warm, recall, settings)


def fit_stacked(workshop: Workshop) -> ItemItem | DenseItemItem | None:
    """Return EASE on likes and content features stacked, over warm items; None where those have no content."""
    settings, features = workshop.settings.item_item, workshop.features[np.flatnonzero(workshop.is_warm)]
    if features.nnz == 0 or features.shape[0] < 2:
        return None
    rows, weight = np.flatnonzero(workshop.is_warm), settings.content_weight * workshop.gram.diagonal.mean()
    near = workshop.alike[rows][:, rows]
    stacked = Stacked(features, near.maximum(near.T), float(weight))
    recall = Recall(half_life_days=settings.half_life_days)
    matrix = solve(workshop.gram, settings, stacked)
    return as_expert("stacked", "collaborative", matrix, workshop.is_warm, recall, settings)


def as_expert(
    name: str, family: Family, matrix: Any, can_score: np.ndarray, recall: Recall, settings: ItemItemSettings
) -> ItemItem | DenseItemItem:
    """Return the scorer of a matrix [n_items, n_items]; a dense one beyond `kept_dense` items keeps the largest
    entries of each row.
    """
    if not sp.issparse(matrix):
        if len(matrix) <= settings.kept_dense:
            codes = CodedRows.of(np.asarray(matrix, np.float32))
            return DenseItemItem(name=name, family=family, can_score=can_score, recall=recall, matrix=codes)
        matrix = largest(matrix, settings.kept_per_item)
    rows = sparse_rows(sp.csr_matrix(matrix, dtype=np.float32))
    return ItemItem(name=name, family=family, can_score=can_score, recall=recall, matrix=rows)


def sparse_rows(matrix: Csr) -> SparseRows:
    """Return a SciPy matrix as scoring's own sparse rows."""
    return SparseRows(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32), matrix.shape[1]
    )


def largest(matrix: np.ndarray, k: int) -> Csr:
    """Return the k entries of largest size in each row.

    Of each row, not column: what an item of the past says is cut alike for all that it speaks of. Cut by column, an
    item's largest entries are those that speak against it, and what is left of it is one-sided.
    """
    n, width = matrix.shape
    k = min(k, width - 1)
    kept = np.argpartition(-np.abs(matrix), k, axis=1)[:, :k]
    values = np.take_along_axis(matrix, kept, axis=1)
    return sp.csr_matrix((values.ravel(), (np.repeat(np.arange(n), k), kept.ravel())), shape=matrix.shape)
