"""The item-item Gram matrix of users' likes, and closed-form item-item models over it.

Steck (2019) for the dense form; `sparse` solves the same equations per item on its strongest neighbours only, so that
memory stays bounded at any catalogue size. Owns the linear algebra over warm items; rows and columns here are positions
among them, and `rows` leads back to item rows.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
from coldframe.models.csr import Csr, meetings
from coldframe.models.elimination import solve_upper
from coldframe.settings.sections import ItemItemSettings

MIRRORED = 1_024
"""Rows copied at a time from one half of a symmetric matrix to the other."""
SEARCHED = 32
"""Entries of a row that are read in the time in which one is searched."""


@dataclass(frozen=True)
class ItemGram:
    """G = X' D^−c X, sparse float32 [n_warm, n_warm], rows in order; D are the users' degrees, `rows` the item rows."""

    matrix: Csr
    rows: NDArray[np.int64]
    n_items: int

    @staticmethod
    def of(seen: Csr, is_warm: Bools, user_exponent: float, settings: ItemItemSettings) -> "ItemGram":
        """Return the Gram matrix of likes [n_users, n_items] over the warm items.

        Where EASE is not dense, an item keeps its `pairs_per_item` most telling others.
        """
        rows = np.flatnonzero(is_warm)
        warm = seen[:, rows]
        degree = np.asarray(warm.sum(axis=1)).ravel()
        weight = np.where(degree > 0, np.maximum(degree, 1e-9) ** -user_exponent, 0).astype(np.float32)
        scaled = sp.csr_matrix(sp.diags(np.sqrt(weight)) @ warm, dtype=np.float32)
        squares = np.asarray(scaled.multiply(scaled).sum(axis=0)).ravel()
        telling = _discount(squares, settings.neighbour_exponent)
        kept = settings.pairs_per_item if len(rows) > settings.dense_items else None
        return ItemGram(meetings(scaled, kept=kept, factor=telling), rows, seen.shape[1])

    @property
    def diagonal(self) -> Floats:
        """G's diagonal, float32 [n_warm]."""
        return self.matrix.diagonal()

    def plus(self, other: Csr, weight: float) -> "ItemGram":
        """Return the Gram matrix with `weight` × another one [n_warm, n_warm] added (stacked rows of features)."""
        return ItemGram(sp.csr_matrix(self.matrix + weight * other, dtype=np.float32), self.rows, self.n_items)


def ridge_of(gram: ItemGram, ridge: float) -> float:
    """Return the ridge in G's own unit: `ridge` × the mean of its diagonal."""
    return float(ridge * gram.diagonal.mean())


def dense_ease(gram: ItemGram, ridge: float) -> Floats:
    """Return B = I − P ÷ diag(P), P = (G + λI)⁻¹, float32 [n_warm, n_warm], zero diagonal; λ as `ridge_of`."""
    full = gram.matrix.toarray()
    full[np.diag_indices_from(full)] += ridge_of(gram, ridge)
    inverse = symmetric_inverse(full)
    weights = -inverse / np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0
    return weights.astype(np.float32)


def symmetric_inverse(matrix: Floats) -> Floats:
    """Return the inverse of a symmetric positive definite matrix, whose memory it takes over."""
    factorise, invert = la.get_lapack_funcs(("potrf", "potri"), (matrix,))
    factor, _ = factorise(matrix.T, lower=True, overwrite_a=True, clean=False)
    half, _ = invert(factor, lower=True, overwrite_c=True)
    for start in range(0, len(half), MIRRORED):
        stop = start + MIRRORED
        corner = half[start:stop, start:stop]
        half[start:stop, start:stop] = np.tril(corner) + np.tril(corner, -1).T
        half[start:stop, stop:] = half[stop:, start:stop].T
    return half


def sparse_ease(gram: ItemGram, ridge: float, *, neighbours: int, exponent: float) -> Csr:
    """Return B [n_warm, n_warm] with at most `neighbours` entries per column, float32.

    Column j solves (G_SS + λI) b = G_Sj for S, the items with the largest G_ij × d_i^−`exponent`, d = diag G.
    """
    matrix = gram.matrix
    n = matrix.shape[0]
    k = min(neighbours, n - 1)
    columns = np.full((n, k), -1, np.int32)
    values = np.zeros((n, k), np.float32)
    discount = _discount(gram.diagonal, exponent)
    indptr = matrix.indptr.astype(np.int64)
    _solve_columns(indptr, matrix.indices, matrix.data, discount, np.float32(ridge_of(gram, ridge)), columns, values)
    kept = columns >= 0
    target = np.repeat(np.arange(n), kept.sum(axis=1))
    return sp.csr_matrix((values[kept], (columns[kept], target)), shape=(n, n), dtype=np.float32)


def solve(gram: ItemGram, settings: ItemItemSettings) -> Any:
    """Return B over item rows [n_items, n_items], dense where the catalogue is small, else sparse."""
    rows, n = gram.rows, gram.n_items
    if len(rows) <= settings.dense_items:
        weights = dense_ease(gram, settings.ridge)
        if len(rows) == n:
            return weights
        full = np.zeros((n, n), np.float32)
        full[np.ix_(rows, rows)] = weights
        return full
    found = sparse_ease(
        gram, settings.ridge, neighbours=settings.neighbours, exponent=settings.neighbour_exponent
    ).tocoo()
    return sp.csr_matrix((found.data, (rows[found.row], rows[found.col])), shape=(n, n), dtype=np.float32)


def _discount(diagonal: Floats, exponent: float) -> Floats:
    """Return what a co-occurrence with each item counts, beside one with an item that few like, float32 [n]."""
    found: Floats = np.maximum(diagonal, 1e-9).astype(np.float32) ** np.float32(-exponent)
    return found


@numba.njit(parallel=True, cache=True, nogil=True)
def _solve_columns(indptr, indices, data, discount, ridge, columns, values):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    n, k = columns.shape
    n_chunks = 64
    for chunk in numba.prange(n_chunks):
        place = np.full(n, k, np.int32)
        wide, right = np.empty((k, k + 1), np.float32), np.empty(k, np.float32)
        for j in range(chunk, n, n_chunks):
            start, stop = indptr[j], indptr[j + 1]
            strength = np.empty(stop - start, np.float32)
            for a in range(start, stop):
                i = indices[a]
                strength[a - start] = np.float32(-1) if i == j else data[a] * discount[i]
            order = np.argsort(-strength)
            size = 0
            picked, lengths = np.empty(k, np.int64), np.empty(k, np.int64)
            for r in range(min(k, stop - start)):
                a = order[r]
                if strength[a] <= 0:
                    break
                picked[size] = start + a
                lengths[size] = indptr[indices[start + a] + 1] - indptr[indices[start + a]]
                size += 1
            picked = picked[:size][np.argsort(lengths[:size])]
            for r in range(size):
                columns[j, r] = indices[picked[r]]
                right[r] = data[picked[r]]
                place[columns[j, r]] = r
            _fill_upper(indptr, indices, data, columns[j, :size], place, ridge, wide)
            solve_upper(wide, right, values[j, :size])
            for r in range(size):
                place[columns[j, r]] = k


@numba.njit(cache=True, nogil=True, forceinline=True)
def _fill_upper(indptr, indices, data, chosen, place, ridge, wide):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the upper half of G_SS + λI to `wide`; `chosen` come by the length of their rows, the shortest first.

    So a pair is found in the shorter of its two rows; the few that a long row still lacks are searched there.
    """
    size = len(chosen)
    wide[:size, :size] = 0
    for r in range(size):
        start, stop = indptr[chosen[r]], indptr[chosen[r] + 1]
        if stop - start <= SEARCHED * (size - r):
            # What is not chosen goes to the last column: storing it costs less than asking whether to.
            for a in range(start, stop):
                wide[r, place[indices[a]]] = data[a]
        else:
            row = indices[start:stop]
            for s in range(r, size):
                a = np.searchsorted(row, chosen[s])
                if a < len(row) and row[a] == chosen[s]:
                    wide[r, s] = data[start + a]
        wide[r, r] += ridge
