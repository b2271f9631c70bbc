"""Vectors turned so that the leading directions say most: what a scan need not read of most rows.

Owns the directions, how many of them lead, and how far off turned products can be. Learns nothing that an answer
depends on: any turn gives the same answers, a good one sooner.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats

SAMPLE = 20_000
"""Rows that the directions are found from."""
SHARES = (4, 2)
"""A quarter of the dimensions leads, or half of them, or all."""
ENOUGH = 1.25
"""What the others may add to a score at most, in standard deviations of scores, for some to lead."""


@dataclass(frozen=True)
class Turning:
    """`axes` float32 [dim, dim], None for no turn; the first `leading` dimensions lead; `error` as in `turning_of`."""

    axes: Floats | None
    leading: int
    error: float

    def turned(self, vectors: Floats) -> Floats:
        """Return vectors [..., dim] along the axes."""
        if self.axes is None:
            return vectors
        with np.errstate(over="ignore", invalid="ignore"):
            return np.ascontiguousarray(vectors @ self.axes)


def turning_of(vectors: Floats) -> Turning:
    """Return the turn for vectors float32 [n, dim].

    With axes R, v·u = (v R)·(R'u) + v (I − R R') u. In float32 a product v R is off by at most γ ‖v‖ in each of dim
    directions, γ = dim ε ÷ (1 − dim ε), ε = 2^-24 (Higham 2002, §3.5), however it is summed. So v·u and the product of
    the turned vectors differ by at most `error` ‖v‖ ‖u‖ with error = 2 (‖I − R R'‖ + 2 γ √dim), doubled for what is of
    second order.
    """
    dim = vectors.shape[1]
    if dim == 0:
        return Turning(None, 0, 0.0)
    spread, axes = _directions(vectors)
    leading = next((dim // share for share in SHARES if _is_enough(spread, dim // share)), dim)
    if leading == dim or leading % 4:
        return Turning(None, dim, 0.0)
    off = np.linalg.norm(np.eye(dim) - axes.astype(np.float64) @ axes.T.astype(np.float64))
    gamma = dim * 2.0**-24 / (1 - dim * 2.0**-24)
    return Turning(axes, leading, 2 * (float(off) + 2 * gamma * dim**0.5))


def _directions(vectors: Floats) -> tuple[Floats, Floats]:
    """Return the share of each direction of a sample, largest first, and the directions as columns."""
    dim = vectors.shape[1]
    sample = vectors[:: max(1, len(vectors) // SAMPLE)]
    size = np.abs(sample).max(axis=1, initial=0)
    sample = sample[(size > 1e-10) & (size < 1e10)].astype(np.float32)
    shares, axes = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    total = shares.sum()
    if not total > 0:
        return np.full(dim, 1 / dim, np.float32), np.eye(dim, dtype=np.float32)
    return (shares[::-1] / total).astype(np.float32), np.ascontiguousarray(axes[:, ::-1], np.float32)


def _is_enough(spread: Floats, leading: int) -> bool:
    """Return whether so many directions lead. Scores of users like items deviate by √Σ share² of both lengths."""
    deviation = float(np.sqrt((spread.astype(np.float64) ** 2).sum()))
    return leading > 0 and float(spread[leading:].sum()) <= ENOUGH * deviation
