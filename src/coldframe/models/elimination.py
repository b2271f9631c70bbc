"""Small systems of equations solved within compiled loops that run side by side, where LAPACK's threads would spin."""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, forceinline=True)
def solve_upper(upper, right, solved):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Write x of A x = `right` to `solved` for a positive definite A, float32, by elimination.

    `upper` holds A's upper half where it holds at least as many rows and columns as `solved`; it and `right` are taken
    over. Compiled into its callers: one copy, whether just compiled or kept from before.
    """
    size = len(solved)
    for r in range(size):
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
