"""Vectors turned so that the leading directions say most, and stretched so that small codes suit them.

Owns the directions, how far each is stretched, and how far off turned products can be. Learns nothing that an answer
depends on: any turn gives the same answers, a good one sooner.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.pacing import rested

SAMPLE = 20_000
"""Rows that the directions are found from."""
AT_ONCE = 1_024
"""Rows of it multiplied without a pause."""
FURTHEST = 64.0
"""No direction is stretched more than this times as far as the first."""


@dataclass(frozen=True)
class Turning:
    """Rows times `axes` and queries times `asked`, float32 [dim, dim] or None for no turn, have the products that rows
    and queries have. `spread` float32 [dim] is the mean square of each turned dimension, `error` is as in `turning_of`.
    """

    axes: Floats | None
    asked: Floats | None
    spread: Floats
    error: float

    def turned(self, vectors: Floats) -> Floats:
        """Return vectors [..., dim] along the axes."""
        if self.axes is None:
            return vectors
        with np.errstate(over="ignore", invalid="ignore"):
            return np.ascontiguousarray(vectors @ self.axes)


def turning_of(vectors: Floats) -> Turning:
    """Return the turn for vectors float32 [n, dim].

    Directions are stretched by d_j, the square root of how much smaller their deviation is than the first's: a code
    rounds every dimension alike, so a query that asks for the small ones would be answered coarsely. Queries are shrunk
    by the same, and the products stay.

    With axes A = R D and asked B = R D^-1, D ≥ 1, v·u = (v A)·(u B) + v (I − A B') u. In float32 a product v A is off
    by at most γ ‖v‖ d_j in each of dim directions, γ = dim ε ÷ (1 − dim ε), ε = 2^-24 (Higham 2002, §3.5), however it
    is summed, and u B by γ ‖u‖ ÷ d_j. So v·u and the product of the turned vectors differ by at most `error` ‖v‖ ‖u‖
    with error = 2 (‖I − A B'‖ + 2 γ √dim), doubled for what is of second order; and ‖v‖ is at most ‖v A‖, but for the
    same.
    """
    dim = vectors.shape[1]
    found = _directions(vectors) if dim else None
    if found is None:
        return Turning(None, None, np.ones(dim, np.float32), 0.0)
    squares, directions = found
    stretch = np.minimum((squares[0] / np.maximum(squares, squares[0] * FURTHEST**-4)) ** 0.25, FURTHEST)
    axes, asked = (np.ascontiguousarray(directions * by, np.float32) for by in (stretch, 1 / stretch))
    off = np.linalg.norm(np.eye(dim) - axes.astype(np.float64) @ asked.T.astype(np.float64))
    gamma = dim * 2.0**-24 / (1 - dim * 2.0**-24)
    spread = (squares * stretch**2).astype(np.float32)
    return Turning(axes, asked, spread, 2 * (float(off) + 2 * gamma * dim**0.5))


def _directions(vectors: Floats) -> tuple[Floats, Floats] | None:
    """Return the mean square along each direction of a sample, largest first, and the directions as columns, float64;
    None where there are none.
    """
    sample = vectors[:: max(1, len(vectors) // SAMPLE)]
    gram, n = np.zeros((vectors.shape[1],) * 2), 0
    for start in rested(range(0, len(sample), AT_ONCE), 1):
        part = sample[start : start + AT_ONCE]
        size = np.abs(part).max(axis=1, initial=0)
        part = part[(size > 1e-10) & (size < 1e10)]
        gram, n = gram + part.T @ part, n + len(part)
    squares, directions = np.linalg.eigh(gram / max(1, n))
    return (np.maximum(squares[::-1], 0), directions[:, ::-1]) if squares[-1] > 0 else None
