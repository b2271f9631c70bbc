"""A linear filter of the normalised Gram matrix: keep what many share, damp what few do.

N = D_u^−g X D_i^−g with eigenvalues w of N'N; the response is w ÷ (w + e · w_max ÷ 10) where all of them can be had,
and 1 on the largest `rank` of a truncated decomposition otherwise (after Shen et al. 2021, GF-CF).
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh

from coldframe.clock import generator
from coldframe.dataset.training_set import Floats
from coldframe.models.csr import Csr
from coldframe.models.decomposition import leading_vectors
from coldframe.models.fits.item_item import as_expert
from coldframe.models.gram import symmetric_inverse
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import DenseItemItem, Factors, ItemItem
from coldframe.scoring.profile import Recall
from coldframe.scoring.threads import one_thread_each


class Normalised(NamedTuple):
    """N = D_u^−g X D_i^−g over some items, float32 [n_users, n]; `item_scale` is D_i^−g, float32 [n]."""

    matrix: Csr
    item_scale: Floats


def normalised(workshop: Workshop, rows: NDArray[np.int64]) -> Normalised:
    """Return the matrix of likes over item rows, normalised on both sides by `spectral.exponent`."""
    exponent = workshop.settings.spectral.exponent
    user, seen = workshop.user_weights(exponent), workshop.seen[:, rows]
    item = np.asarray(seen.sum(axis=0)).ravel().astype(np.float32) ** np.float32(-exponent)
    return Normalised(sp.csr_matrix(sp.diags(user) @ seen @ sp.diags(item), dtype=np.float32), item)


def fit_spectral(workshop: Workshop) -> Factors | ItemItem | DenseItemItem | None:
    """Return the filter over the warm items; None with fewer than three of them."""
    rows = np.flatnonzero(workshop.is_warm)
    if len(rows) < 3:
        return None
    settings, normal = workshop.settings.spectral, normalised(workshop, rows)
    if len(rows) > settings.dense_items:
        return leading("spectral", workshop, rows, normal, settings.rank)
    matrix, item = np.zeros((workshop.training_set.n_items,) * 2, np.float32), normal.item_scale
    matrix[np.ix_(rows, rows)] = item[:, None] * _filtered(normal.matrix, settings.softness) / item[None, :]
    recall = Recall(half_life_days=settings.half_life_days)
    return as_expert("spectral", "collaborative", matrix, workshop.is_warm, recall, workshop.settings.item_item)


def leading(name: str, workshop: Workshop, rows: NDArray[np.int64], normal: Normalised, rank: int) -> Factors:
    """Return the scorer s = x D_i^−g V V' D_i^g of N's leading directions V float32 [n, rank] over item rows [n]."""
    with one_thread_each():
        vectors = leading_vectors(normal.matrix, rank, generator(workshop.settings.training.seed, name))
    item_scale = normal.item_scale
    shape = (workshop.training_set.n_items, vectors.shape[1])
    inward, outward = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    inward[rows], outward[rows] = vectors * item_scale[:, None], vectors / item_scale[:, None]
    return Factors(
        name=name,
        family="collaborative",
        can_score=workshop.is_warm,
        recall=Recall(half_life_days=workshop.settings.spectral.half_life_days),
        inward=inward,
        outward=outward,
    )


def _filtered(normal: Csr, softness: float) -> np.ndarray:
    """Return V diag(w ÷ (w + t)) V' of M = N'N, t = softness · w_max ÷ 10: it is I − t (M + t I)⁻¹, float32 [n, n]."""
    gram: Csr = sp.csr_matrix(normal.T @ normal, dtype=np.float32)
    start = np.ones(gram.shape[0], np.float32)
    largest = float(eigsh(gram, k=1, v0=start, return_eigenvectors=False)[0])
    threshold = np.float32(max(softness * largest / 10, 1e-6))
    filtered = gram.toarray()
    filtered[np.diag_indices_from(filtered)] += threshold
    filtered = -threshold * symmetric_inverse(filtered)
    filtered[np.diag_indices_from(filtered)] += 1
    return filtered
