"""Truncated decompositions of large sparse matrices.

Owns the randomised range finder (Halko, Martinsson and Tropp 2011). Knows nothing of users, items or content.
"""

import numpy as np
import scipy.linalg as la

from coldframe.dataset.training_set import Floats
from coldframe.models.csr import Csr

POWER_ITERATIONS = 2
OVERSAMPLING = 16


def leading_vectors(matrix: Csr, rank: int, draw: np.random.Generator) -> Floats:
    """Return the leading right singular vectors, float32 [n_columns, rank], fewer where the matrix is smaller."""
    rank = min(rank, min(matrix.shape) - 1)
    width = min(rank + OVERSAMPLING, *matrix.shape)
    transposed = matrix.T.tocsr()
    basis = draw.normal(size=(matrix.shape[1], width)).astype(np.float32)
    for _ in range(POWER_ITERATIONS):
        basis = la.qr(transposed @ (matrix @ basis), mode="economic", check_finite=False)[0]
    small = matrix @ basis
    _, vectors = la.eigh(small.T @ small)
    return (basis @ vectors[:, ::-1][:, :rank]).astype(np.float32)
