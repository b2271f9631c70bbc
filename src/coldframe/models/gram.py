"""The item-item Gram matrix of users' likes, and closed-form item-item models over it.

Steck (2019) for the dense form; `sparse` solves the same equations per item on its strongest neighbours only, so that
memory stays bounded at any catalogue size. Owns the linear algebra over warm items; rows and columns here are positions
among them, and `rows` leads back to item rows.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
from coldframe.models.csr import Csr, meetings
from coldframe.models.elimination import add_inner_products, add_inner_products_with, solve_upper
from coldframe.settings.sections import ItemItemSettings

MIRRORED = 1_024
"""Rows copied at a time from one half of a symmetric matrix to the other."""
ROUNDED = np.float32(1.001)
"""No item can be explained better than wholly, but for rounding."""
LEAST_SHARE = 1 / 8
"""Of what is off the diagonal; where only less would make a system definite, each neighbour speaks for itself."""
_NO_FEATURES = sp.csr_matrix((1, 1), dtype=np.float32)
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


class Stacked(NamedTuple):
    """Rows of features below the users' rows: `features` float32 [n_warm, n_features], each counting `weight`.

    `near` [n_warm, n_warm] holds each item's inner products with those most like it: who can be a neighbour.
    """

    features: Csr
    near: Csr
    weight: float

    @property
    def diagonal(self) -> Floats:
        """What they add to G's diagonal, float32 [n_warm]."""
        lengths = np.asarray(self.features.multiply(self.features).sum(axis=1)).ravel()
        return (self.weight * lengths).astype(np.float32)


def dense_ease(gram: ItemGram, ridge: float, stacked: Stacked | None = None) -> Floats:
    """Return B = I − P ÷ diag(P), P = (G + λI)⁻¹, float32 [n_warm, n_warm], zero diagonal; λ is `ridge` × the mean of
    G's diagonal. G is that of likes and, with `stacked`, of features below them.
    """
    full = gram.matrix.toarray()
    if stacked is not None:
        full += (stacked.weight * meetings(stacked.features.T)).toarray()
    full[np.diag_indices_from(full)] += np.float32(ridge * np.diag(full).mean())
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


def sparse_ease(
    gram: ItemGram, ridge: float, *, neighbours: int, exponent: float, stacked: Stacked | None = None
) -> Csr:
    """Return B [n_warm, n_warm] with at most `neighbours` entries per column, float32; G and λ as in `dense_ease`.

    Column j solves (G_SS + λI) b = G_Sj for S, the items with the largest G_ij × d_i^−`exponent`, d = diag G.
    """
    told, content, diagonal = gram.matrix, (_arrays(_NO_FEATURES), np.float32(0), 1), gram.diagonal
    if stacked is not None:
        told, diagonal = told + stacked.weight * stacked.near, diagonal + stacked.diagonal
        content = (_arrays(stacked.features), np.float32(stacked.weight), stacked.features.shape[1])
    n = len(gram.rows)
    k = min(neighbours, n - 1)
    columns, values = np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32)
    least = np.float32(ridge * diagonal.mean())
    discount = _discount(diagonal, exponent)
    _solve_columns(_arrays(told), discount, _arrays(gram.matrix), diagonal, content, least, columns, values)
    kept = columns >= 0
    target = np.repeat(np.arange(n), kept.sum(axis=1))
    return sp.csr_matrix((values[kept], (columns[kept], target)), shape=(n, n), dtype=np.float32)


def solve(gram: ItemGram, settings: ItemItemSettings, stacked: Stacked | None = None) -> Any:
    """Return B over item rows [n_items, n_items], dense where the catalogue is small, else sparse."""
    rows, n = gram.rows, gram.n_items
    if len(rows) <= settings.dense_items:
        weights = dense_ease(gram, settings.ridge, stacked)
        if len(rows) == n:
            return weights
        full = np.zeros((n, n), np.float32)
        full[np.ix_(rows, rows)] = weights
        return full
    k, exponent = settings.neighbours, settings.neighbour_exponent
    found = sparse_ease(gram, settings.ridge, neighbours=k, exponent=exponent, stacked=stacked).tocoo()
    return sp.csr_matrix((found.data, (rows[found.row], rows[found.col])), shape=(n, n), dtype=np.float32)


def _arrays(matrix: Csr) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return matrix.indptr.astype(np.int64), matrix.indices, matrix.data


def _discount(diagonal: Floats, exponent: float) -> Floats:
    """Return what a co-occurrence with each item counts, beside one with an item that few like, float32 [n]."""
    found: Floats = np.maximum(diagonal, 1e-9).astype(np.float32) ** np.float32(-exponent)
    return found


@numba.njit(parallel=True, cache=True, nogil=True)
def _solve_columns(told, discount, likes, diagonal, content, ridge, columns, values):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    n, k = columns.shape
    indptr, indices, data = likes
    features, weight, n_features = content
    n_chunks = 64
    for chunk in numba.prange(n_chunks):
        place, spread = np.full(n, k, np.int32), np.zeros(n_features, np.float32)
        wide, right = np.empty((k + 1, k + 1), np.float32), np.empty(k, np.float32)
        for j in range(chunk, n, n_chunks):
            chosen = _strongest(told, discount, indptr, j, columns[j])
            size = len(chosen)
            for r in range(size):
                place[chosen[r]] = r
            share = np.float32(1)
            while True:
                _fill_upper(indptr, indices, data, chosen, place, ridge, wide)
                _fill_right(indptr, indices, data, j, place, right[:size])
                if weight > 0:
                    add_inner_products(features, chosen, weight, spread, wide)
                    add_inner_products_with(features, j, chosen, weight, spread, right)
                if share < 1:
                    _shrink(share, wide[:size, :size], right[:size])
                wanted = right[:size].copy()
                definite = solve_upper(wide, right, ridge, values[j, :size])
                if definite and np.dot(values[j, :size], wanted) <= ROUNDED * diagonal[j]:
                    break
                if share <= LEAST_SHARE:
                    _each_alone(diagonal[chosen] + ridge, wanted / share, diagonal[j], values[j, :size])
                    break
                share *= np.float32(0.5)
            for r in range(size):
                place[chosen[r]] = k


@numba.njit(cache=True, nogil=True, forceinline=True)
def _strongest(told, discount, lengths, j, columns):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the items that tell most of item j to `columns`, those with the shortest rows first; return them."""
    starts, indices, data = told
    others = indices[starts[j] : starts[j + 1]]
    strength = data[starts[j] : starts[j + 1]] * discount[others]
    strength[others == j] = 0
    order = np.argsort(-strength)
    size = 0
    while size < min(len(columns), len(order)) and strength[order[size]] > 0:
        columns[size] = others[order[size]]
        size += 1
    chosen = columns[:size]
    chosen[:] = chosen[np.argsort(lengths[chosen + 1] - lengths[chosen])]
    return chosen


@numba.njit(cache=True, nogil=True, forceinline=True)
def _each_alone(own, right, whole, values):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write what each neighbour says as if there were no other, and no more in all than explains the item wholly."""
    values[:] = right / own
    explained = np.dot(values, right)
    if explained > whole:
        values *= whole / explained


@numba.njit(cache=True, nogil=True, forceinline=True)
def _shrink(share, upper, right):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Multiply what is off the diagonal: what an incomplete matrix lacks may have made it indefinite, with item j's row
    or without it, as correlations are of which some are missing (Higham, Strabić and Šego 2016).
    """
    right *= share
    for r in range(len(right)):
        upper[r, r + 1 :] *= share


@numba.njit(cache=True, nogil=True, forceinline=True)
def _fill_right(indptr, indices, data, j, place, right):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write G_Sj to `right`."""
    right[:] = 0
    for a in range(indptr[j], indptr[j + 1]):
        if place[indices[a]] < len(right):
            right[place[indices[a]]] = data[a]


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
