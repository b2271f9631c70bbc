"""Small systems of equations made and solved within compiled loops that run side by side, where LAPACK's threads would
spin.
"""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, forceinline=True)
def solve_upper(upper, right, least, solved):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Write x of A x = `right` to `solved` by elimination, float32; return whether A, as far as can be seen, has no
    eigenvalue below `least`: no pivot is, but for rounding.

    `upper` holds A's upper half where it holds at least as many rows and columns as `solved`; it and `right` are taken
    over. Compiled into its callers: one copy, whether just compiled or kept from before.
    """
    size = len(solved)
    for r in range(size):
        if not upper[r, r] >= np.float32(0.9) * least:
            return False
        pivot = np.float32(1) / upper[r, r]
        for i in range(r + 1, size):
            factor = upper[r, i] * pivot
            if factor != 0:
                for a in range(i, size):
                    upper[i, a] -= factor * upper[r, a]
                right[i] -= factor * right[r]
    for r in range(size - 1, -1, -1):
        rest = right[r]
        for a in range(r + 1, size):
            rest -= upper[r, a] * solved[a]
        solved[r] = rest / upper[r, r]
    return True


@numba.njit(cache=True, nogil=True, forceinline=True)
def add_inner_products(features, chosen, weight, spread, upper):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Add `weight` × the inner products of some rows of `features` (indptr, indices, data) to an upper half.

    `spread` float32 [n_features] is scratch, and all 0 before and after.
    """
    starts, feature, value = features
    for r in range(len(chosen)):
        own = slice(starts[chosen[r]], starts[chosen[r] + 1])
        spread[feature[own]] = value[own]
        for s in range(r, len(chosen)):
            total = np.float32(0)
            for f in range(starts[chosen[s]], starts[chosen[s] + 1]):
                total += value[f] * spread[feature[f]]
            upper[r, s] += weight * total
        spread[feature[own]] = 0


@numba.njit(cache=True, nogil=True, forceinline=True)
def add_inner_products_with(features, j, chosen, weight, spread, right):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Add `weight` × the inner products of row j with some rows to `right`; arguments as in `add_inner_products`."""
    starts, feature, value = features
    own = slice(starts[j], starts[j + 1])
    spread[feature[own]] = value[own]
    for s in range(len(chosen)):
        total = np.float32(0)
        for f in range(starts[chosen[s]], starts[chosen[s] + 1]):
            total += value[f] * spread[feature[f]]
        right[s] += weight * total
    spread[feature[own]] = 0
