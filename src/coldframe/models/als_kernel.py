"""Rows of a half-step of alternating least squares, each solved by preconditioned conjugate gradient, in Numba.

The other side's vectors z come in the basis in which Z'Z is diagonal (Λ). A row's equations are then
M + Σ α w (z, 1)(z, 1)' over what it has seen, with M an arrow: Λ + ridge on the diagonal and the sums of Z beside the
bias. M is inverted in O(dim), so a step costs only the seen rows (Hu, Koren and Volinsky 2008 for the equations). Owns
the compiled code; knows nothing of threads, bases and epochs.

The number of columns is known to the compiler: it is the length of the tuple `lanes` × 16. Code that knows it has
vectors in its inner loops, and comes from the cache like any other.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

REORDER = {"contract", "reassoc", "nsz"}
"""What the compiler may do to sums. With all of fastmath, code just compiled and code from the cache differ in bits."""

LANE = 16
"""Columns are a multiple of this: one cache line."""


class System(NamedTuple):
    """What the other side brings to every row of a half-step, float32; `width` a multiple of `LANE`.

    `vectors` [n, width] in the basis in which their Gram matrix is diagonal, `bias` [n], `values` [width] that
    diagonal, `sums` [width] the sum of all vectors, `pull` [width] their sum weighted by bias, `level` that of biases.
    """

    vectors: NDArray[np.float32]
    bias: NDArray[np.float32]
    values: NDArray[np.float32]
    sums: NDArray[np.float32]
    pull: NDArray[np.float32]
    level: np.float32
    alpha: np.float32
    regularization: np.float32


def lanes_of(width: int) -> tuple[int, ...]:
    """Return the tuple whose length tells the compiler the width.

    >>> lanes_of(32)
    (0, 0)
    """
    return (0,) * (width // LANE)


def _compiled(function: Any) -> Any:
    """Compile `function` into its callers: a call could reach either of two copies, whose sums differ in bits."""
    return numba.njit(cache=True, fastmath=REORDER, nogil=True, error_model="numpy", forceinline=True)(function)


@_compiled
def solve_rows(lanes, first, last, seen, vectors, bias, system, steps):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Move rows `first` … `last` of `vectors` [n, width] and `bias` [n] towards their solutions, in place.

    `seen` is (indptr int64, indices int32, weights float32 ≥ 0) over the rows of `system`.
    """
    indptr, indices, weights = seen
    work = np.empty((4, 16 * len(lanes)), np.float32)
    for row in range(first, last):
        near, weight = indices[indptr[row] : indptr[row + 1]], weights[indptr[row] : indptr[row + 1]]
        bias[row] = _solve_row(lanes, near, weight, vectors[row], bias[row], system, work, steps)


@_compiled
def _solve_row(lanes, near, weight, x, level, system, work, steps):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Move `x` in place; return its bias, which was `level`."""
    rest, step, product, inverse = work[0], work[1], work[2], work[3]
    ridge = _ridge(weight, system)
    tip = _invert(lanes, inverse, ridge, system)
    rest_bias = _apply(lanes, rest, x, level, ridge, system) - system.level
    for a in range(16 * len(lanes)):
        rest[a] -= system.pull[a]
        step[a] = np.float32(0)
    rest_bias += _gather(lanes, rest, x, level, near, weight, system, True)
    before, step_bias, least = np.float32(np.inf), np.float32(0), np.float32(1e-20)
    for number in range(steps):
        top, gain = _precondition(lanes, product, rest, rest_bias, inverse, tip, system)
        if number == 0:
            least = max(least, np.float32(1e-12) * gain)
        if not gain > least:
            break
        step_bias = top + gain / before * step_bias
        for a in range(16 * len(lanes)):
            step[a] = product[a] + gain / before * step[a]
        before = gain
        product_bias = _apply(lanes, product, step, step_bias, ridge, system)
        product_bias += _gather(lanes, product, step, step_bias, near, weight, system, False)
        length = -gain / (product_bias * step_bias + _dot(lanes, product, step))
        for a in range(16 * len(lanes)):
            x[a] += length * step[a]
            rest[a] += length * product[a]
        level += length * step_bias
        rest_bias += length * product_bias
    return level


@_compiled
def _ridge(weight, system):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    mass = np.float32(0)
    for k in range(len(weight)):
        mass += weight[k]
    return system.regularization * (np.float32(len(system.bias)) + system.alpha * mass)


@_compiled
def _invert(lanes, inverse, ridge, system):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write 1 / (Λ + ridge) to `inverse`; return what is left of the bias's corner when the columns are gone."""
    known, size = np.float32(0), np.float32(len(system.bias))
    for a in range(16 * len(lanes)):
        inverse[a] = np.float32(1) / (system.values[a] + ridge)
        known += system.sums[a] * system.sums[a] * inverse[a]
    return max(size - known, np.float32(1e-6) * size) + ridge


@_compiled
def _precondition(lanes, out, rest, rest_bias, inverse, tip, system):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the vector of z = M⁻¹ rest to `out`; return its bias and rest·z."""
    tilt = np.float32(0)
    for a in range(16 * len(lanes)):
        tilt += system.sums[a] * inverse[a] * rest[a]
    top = (rest_bias - tilt) / tip
    gain = rest_bias * top
    for a in range(16 * len(lanes)):
        out[a] = inverse[a] * (rest[a] - system.sums[a] * top)
        gain += rest[a] * out[a]
    return top, gain


@_compiled
def _apply(lanes, out, x, level, ridge, system):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the vector of −M (x, level) to `out`; return its bias."""
    beside = (np.float32(len(system.bias)) + ridge) * level
    for a in range(16 * len(lanes)):
        out[a] = -(system.values[a] + ridge) * x[a] - system.sums[a] * level
        beside += system.sums[a] * x[a]
    return -beside


@_compiled
def _gather(lanes, out, x, level, near, weight, system, fit):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Add Σ (t − α w (z·x + level)) z over the seen rows to `out`; return the sum of the brackets.

    With `fit`, t is what a seen pair asks for, 1 + α w (1 − bias); without, 0. Four rows at a time: `out` and `x` are
    read once for four, and four rows are on their way from memory together.
    """
    width = 16 * len(lanes)
    other, total, n = system.vectors, np.float32(0), len(near)
    for k in range(0, n - 3, 4):
        i, j, m, o = near[k], near[k + 1], near[k + 2], near[k + 3]
        p = q = r = s = np.float32(0)
        for a in range(width):
            v = x[a]
            p += other[i, a] * v
            q += other[j, a] * v
            r += other[m, a] * v
            s += other[o, a] * v
        p = _bracket(system, i, weight[k], p + level, fit)
        q = _bracket(system, j, weight[k + 1], q + level, fit)
        r = _bracket(system, m, weight[k + 2], r + level, fit)
        s = _bracket(system, o, weight[k + 3], s + level, fit)
        for a in range(width):
            out[a] += p * other[i, a] + q * other[j, a] + r * other[m, a] + s * other[o, a]
        total += (p + q) + (r + s)
    for k in range(n - n % 4, n):
        i, p = near[k], np.float32(0)
        for a in range(width):
            p += other[i, a] * x[a]
        p = _bracket(system, i, weight[k], p + level, fit)
        for a in range(width):
            out[a] += p * other[i, a]
        total += p
    return total


@_compiled
def _bracket(system, row, weight, score, fit):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    extra = system.alpha * weight
    target = np.float32(1) + extra * (np.float32(1) - system.bias[row]) if fit else np.float32(0)
    return target - extra * score


@_compiled
def _dot(lanes, left, right):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    total = np.float32(0)
    for a in range(16 * len(lanes)):
        total += left[a] * right[a]
    return total
