"""Truncated decompositions of large sparse matrices.

Owns the randomised range finder (Halko, Martinsson and Tropp 2011) on N'N, which is never made, and never passes
through anything as long as N has rows. Knows nothing of users, items or content.
"""

import numba
import numpy as np
import scipy.linalg as la

from coldframe.dataset.training_set import Floats
from coldframe.models.csr import Csr

POWER_ITERATIONS = 2
OVERSAMPLING = 16
BLOCK = 65_536
"""Rows of N whose product with a basis is held at a time."""
SLAB = 64
"""Columns that one thread multiplies at a time: those of a popular row stay in a core's cache."""


def leading_vectors(matrix: Csr, rank: int, draw: np.random.Generator) -> Floats:
    """Return the leading right singular vectors, float32 [n_columns, rank], fewer where the matrix is smaller.

    What little they differ by from the exact ones grows with the ratio of the singular values behind `rank` to those
    before it, to the power 2 × `POWER_ITERATIONS` + 1.
    """
    rank = min(rank, min(matrix.shape) - 1)
    width = min(rank + OVERSAMPLING, *matrix.shape)
    basis: Floats = draw.normal(size=(matrix.shape[1], width)).astype(np.float32)
    for _ in range(POWER_ITERATIONS):
        basis = np.asarray(la.qr(gram_times(matrix, basis), mode="economic", check_finite=False)[0])
    _, vectors = la.eigh(_small_gram(matrix, basis))
    return (basis @ vectors[:, ::-1][:, :rank]).astype(np.float32)


def _small_gram(matrix: Csr, basis: Floats) -> Floats:
    """Return (N B)'(N B), float32 [width, width], a block of N's rows at a time."""
    blocks = (matrix[start : start + BLOCK] @ basis for start in range(0, matrix.shape[0], BLOCK))
    return sum((block.T @ block for block in blocks), np.zeros((basis.shape[1],) * 2, np.float32))


def gram_times(matrix: Csr, basis: Floats) -> Floats:
    """Return N'N B, float32 [n, width], of N [n_rows, n] and B float32 [n, width]."""
    slabs = np.array_split(basis, -(-basis.shape[1] // SLAB), axis=1)
    width = max(slab.shape[1] for slab in slabs)
    stacked = np.zeros((len(slabs), len(basis), width), np.float32)
    for place, slab in enumerate(slabs):
        stacked[place, :, : slab.shape[1]] = slab
    found = np.zeros_like(stacked)
    _add_gram_times(matrix.indptr.astype(np.int64), matrix.indices, matrix.data.astype(np.float32), stacked, found)
    return np.concatenate([found[place, :, : slab.shape[1]] for place, slab in enumerate(slabs)], axis=1)


@numba.njit(parallel=True, cache=True, nogil=True)
def _add_gram_times(indptr, indices, data, slabs, found):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Add N'N B to `found`, slab by slab [n_slabs, n, width]: each row of N is met twice while it is near."""
    for slab in numba.prange(len(slabs)):
        basis, total = slabs[slab], found[slab]
        width = basis.shape[1]
        held = np.empty(width, np.float32)
        for row in range(len(indptr) - 1):
            start, stop = indptr[row], indptr[row + 1]
            held[:] = 0
            for place in range(start, stop):
                near, weight = basis[indices[place]], data[place]
                for a in range(width):
                    held[a] += weight * near[a]
            for place in range(start, stop):
                own, weight = total[indices[place]], data[place]
                for a in range(width):
                    own[a] += weight * held[a]
