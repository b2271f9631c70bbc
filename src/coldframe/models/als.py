"""Alternating least squares for implicit feedback, with biases.

Minimises Σ c (p − b_u − b_i − u·v)² + ridge over all pairs (Hu, Koren and Volinsky 2008), c = 1 + alpha × weight where
p = 1 and 1 elsewhere, the ridge scaled by each row's confidence (Rendle et al. 2021). Each row is solved by a few steps
of conjugate gradient from its last value (Takács et al. 2011), preconditioned by what all rows have in common: scores
stay the same when both sides turn together, so before each half-step they turn to where the Gram matrix of the side
that stands still is diagonal. Owns the half-steps; `als_kernel` owns a row, `als_parallel` the threads. Knows no ids
and no times.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.models.als_kernel import LANE, System
from coldframe.models.als_parallel import Crew, Seen
from coldframe.models.csr import Csr

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
    """Return the users' and the items' side for weights ≥ 0 `seen` [n_users, n_items].

    `progress` is called after each epoch with (epochs done, epochs in all).
    """
    by_user, by_item = Seen(seen.tocsr()), Seen(seen.T.tocsr())
    users, items = (_Half.drawn(n, dim, generator) for n in seen.shape)
    with Crew(users.vectors.shape[1]) as crew:
        for epoch in range(epochs):
            for own, other, rows in ((users, items, by_user), (items, users, by_item)):
                system, basis = _diagonal(crew, other, dim, alpha, regularization)
                crew.rotate(own.vectors, basis)
                crew.solve(rows, own.vectors, own.bias, system, STEPS)
            if progress is not None:
                progress(epoch + 1, epochs)
    return users.side(dim), items.side(dim)


def solve_anew(seen: Csr, other: Side, *, alpha: float, regularization: float, epochs: int) -> Side:
    """Return the side that fits other weights `seen` [n, n_other] best while `other` stands still, from nothing.

    Takes as many steps as `epochs` of `factorise` take.
    """
    dim = other.vectors.shape[1] - 1
    own, fixed = _Half.zeros(seen.shape[0], dim), _Half.zeros(len(other.bias), dim)
    fixed.vectors[:, :dim], fixed.bias[:] = other.vectors[:, :dim], other.bias
    with Crew(own.vectors.shape[1]) as crew:
        system, basis = _diagonal(crew, fixed, dim, alpha, regularization)
        crew.solve(Seen(seen.tocsr()), own.vectors, own.bias, system, STEPS * epochs)
        crew.rotate(own.vectors, np.ascontiguousarray(basis.T))
    return own.side(dim)


@dataclass(frozen=True)
class _Half:
    """One side while it is fitted, changed in place: columns from `dim` on are zero and fill the last lane."""

    vectors: Floats
    bias: Floats

    @classmethod
    def zeros(cls, n: int, dim: int) -> Self:
        return cls(np.zeros((n, -(-dim // LANE) * LANE), np.float32), np.zeros(n, np.float32))

    @classmethod
    def drawn(cls, n: int, dim: int, generator: np.random.Generator) -> Self:
        half = cls.zeros(n, dim)
        half.vectors[:, :dim] = generator.standard_normal((n, dim), np.float32)
        half.vectors[:] *= np.float32(0.1 / np.sqrt(dim))
        return half

    def side(self, dim: int) -> Side:
        vectors = np.ones((len(self.bias), dim + 1), np.float32)
        vectors[:, :dim] = self.vectors[:, :dim]
        return Side(vectors, self.bias)


def _diagonal(crew: Crew, other: _Half, dim: int, alpha: float, regularization: float) -> tuple[System, Floats]:
    """Turn `other` to where its Gram matrix is diagonal; return its system, and the basis [width, width]."""
    gram, linear = crew.moments(other.vectors, other.bias)
    values, basis = np.zeros(len(gram)), np.zeros(gram.shape)
    values[:dim], basis[:dim, :dim] = np.linalg.eigh(gram[:dim, :dim])
    sums, pull = np.ascontiguousarray((basis.T @ linear).T, np.float32)
    basis = basis.astype(np.float32)
    crew.rotate(other.vectors, basis)
    system = System(
        vectors=other.vectors,
        bias=other.bias,
        values=np.maximum(values, 0).astype(np.float32),
        sums=sums,
        pull=pull,
        level=np.float32(other.bias.sum(dtype=np.float64)),
        alpha=np.float32(alpha),
        regularization=np.float32(regularization),
    )
    return system, basis
