"""Alternating least squares for implicit feedback, with biases, in Numba.

Minimises Σ c (p − b_u − b_i − u·v)² + ridge over all pairs (Hu, Koren and Volinsky 2008), c = 1 + alpha × weight where
p = 1 and 1 elsewhere, the ridge scaled by each row's confidence (Rendle et al. 2021). Each row is solved by a few steps
of conjugate gradient from its last value (Takács et al. 2011). Owns the numerics. Knows no ids and no times.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.models.csr import Csr

REORDER = {"contract", "reassoc", "nsz"}
"""What the compiler may do to sums. With all of fastmath, code just compiled and code from the cache differ in bits."""

STEPS = 3
"""Steps of conjugate gradient per row and epoch."""


@dataclass(frozen=True)
class Side:
    """One side's vectors float32 [n, dim + 1]: the last column is the constant 1; `bias` float32 [n]."""

    vectors: Floats
    bias: Floats


def factorise(
    seen: Csr,
    *,
    dim: int,
    alpha: float,
    regularization: float,
    epochs: int,
    generator: np.random.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Side, Side]:
    """Return the users' and the items' side for weights ≥ 0 `seen` [n_users, n_items]."""
    by_user, by_item = seen.tocsr().astype(np.float32), seen.T.tocsr().astype(np.float32)
    users, items = (_start(n, dim, generator) for n in seen.shape)
    for epoch in range(epochs):
        users = _solve(by_user, users, items, alpha, regularization)
        items = _solve(by_item, items, users, alpha, regularization)
        if progress is not None:
            progress(epoch + 1, epochs)
    return users, items


def solve_anew(seen: Csr, other: Side, *, alpha: float, regularization: float, epochs: int) -> Side:
    """Return the side that fits other weights `seen` [n, n_other] best while `other` stands still, from nothing."""
    own = Side(np.zeros((seen.shape[0], other.vectors.shape[1]), np.float32), np.zeros(seen.shape[0], np.float32))
    for _ in range(epochs):
        own = _solve(seen.astype(np.float32), own, other, alpha, regularization)
    return own


def _start(n: int, dim: int, generator: np.random.Generator) -> Side:
    vectors = generator.normal(0, 0.1 / np.sqrt(dim), (n, dim + 1)).astype(np.float32)
    vectors[:, -1] = 1
    return Side(vectors, np.zeros(n, np.float32))


def _solve(seen: Csr, own: Side, other: Side, alpha: float, regularization: float) -> Side:
    """Return the side that fits `seen` best while the other one stands still."""
    gram = other.vectors.T @ other.vectors
    pull = other.vectors.T @ other.bias
    guess = own.vectors.copy()
    guess[:, -1] = own.bias
    _conjugate_gradient(
        seen.indptr.astype(np.int64),
        seen.indices,
        seen.data,
        guess,
        other.vectors,
        other.bias,
        gram,
        pull,
        np.float32(alpha),
        np.float32(regularization),
        STEPS,
    )
    bias = guess[:, -1].copy()
    guess[:, -1] = 1
    return Side(guess, bias)


@numba.njit(parallel=True, cache=True, fastmath=REORDER, nogil=True)
def _conjugate_gradient(indptr, indices, weights, guess, other, bias, gram, pull, alpha, regularization, steps):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Move each row of `guess` towards its solution, in place."""
    n, dim = guess.shape
    for row in numba.prange(n):
        near, weight = indices[indptr[row] : indptr[row + 1]], weights[indptr[row] : indptr[row + 1]]
        x = guess[row]
        ridge = regularization * (np.float32(other.shape[0]) + alpha * weight.sum())
        product = np.empty(dim, np.float32)
        _multiply(product, x, gram, ridge, other, near, weight, alpha)
        residual = -product - pull
        for k in range(len(near)):
            extra = alpha * weight[k]
            gap = (np.float32(1) + extra) - extra * bias[near[k]]
            for a in range(dim):
                residual[a] += gap * other[near[k], a]
        step, size = residual.copy(), _dot(residual, residual)
        for _ in range(steps):
            if size < np.float32(1e-12):
                break
            _multiply(product, step, gram, ridge, other, near, weight, alpha)
            length = size / _dot(step, product)
            for a in range(dim):
                x[a] += length * step[a]
                residual[a] -= length * product[a]
            before, size = size, _dot(residual, residual)
            for a in range(dim):
                step[a] = residual[a] + size / before * step[a]


@numba.njit(cache=True, fastmath=REORDER, nogil=True)
def _multiply(product, x, gram, ridge, other, near, weight, alpha):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write (G + Σ alpha w y y' + ridge I) x into `product`."""
    dim = len(x)
    for a in range(dim):
        product[a] = ridge * x[a] + _dot(gram[a], x)
    for k in range(len(near)):
        row = other[near[k]]
        along = alpha * weight[k] * _dot(row, x)
        for a in range(dim):
            product[a] += along * row[a]


@numba.njit(cache=True, fastmath=REORDER, nogil=True)
def _dot(left, right):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    total = np.float32(0)
    for a in range(len(left)):
        total += left[a] * right[a]
    return total
