"""A linear filter of the normalised Gram matrix: keep what many share, damp what few do.

N = D_u^−g X D_i^−g with eigenvalues w of N'N; the response is w ÷ (w + e · w_max ÷ 10) where all of them can be had,
and 1 on the largest `rank` of a truncated decomposition otherwise (after Shen et al. 2021, GF-CF).
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh

from coldframe.clock import generator
from coldframe.models.csr import Csr
from coldframe.models.decomposition import leading_vectors
from coldframe.models.fits.item_item import as_expert
from coldframe.models.gram import symmetric_inverse
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import DenseItemItem, Factors, ItemItem
from coldframe.scoring.profile import Recall


def fit_spectral(workshop: Workshop) -> Factors | ItemItem | DenseItemItem | None:
    """Return the filter over the warm items; None with fewer than three of them."""
    rows = np.flatnonzero(workshop.is_warm)
    if len(rows) < 3:
        return None
    settings = workshop.settings.spectral
    user = workshop.user_weights(settings.exponent)
    degree = np.asarray(workshop.seen[:, rows].sum(axis=0)).ravel().astype(np.float32)
    item = degree ** np.float32(-settings.exponent)
    normal = sp.csr_matrix(sp.diags(user) @ workshop.seen[:, rows] @ sp.diags(item), dtype=np.float32)
    recall = Recall(half_life_days=settings.half_life_days)
    if len(rows) <= settings.dense_items:
        matrix = np.zeros((workshop.training_set.n_items,) * 2, np.float32)
        matrix[np.ix_(rows, rows)] = item[:, None] * _filtered(normal, settings.softness) / item[None, :]
        return as_expert("spectral", "collaborative", matrix, workshop.is_warm, recall, workshop.settings.item_item)
    vectors = leading_vectors(normal, settings.rank, generator(workshop.settings.training.seed, "spectral"))
    shape = (workshop.training_set.n_items, vectors.shape[1])
    inward, outward = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    inward[rows], outward[rows] = vectors * item[:, None], vectors / item[:, None]
    return Factors(
        name="spectral",
        family="collaborative",
        can_score=workshop.is_warm,
        recall=recall,
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
