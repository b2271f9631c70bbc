"""The scan in NumPy, for an install that could not compile: float32 products with a bound on how far off they are.

Owns that bound. Slower than scan.c, and finds the same rows.
"""

from collections.abc import Sequence

import numpy as np

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel.exact import exact_scores
from coldframe.scoring.kernel.wishes import Best, Wanted, by_scoring

LARGEST, SMALLEST = 1e30, 1e-30
"""Products of lengths between which float32 neither overflows nor loses what counts."""


class Plain:
    """Vectors and biases as in `Matrix`."""

    def __init__(self, vectors: Floats, bias: Floats | None) -> None:
        self._vectors, self._bias, self._lengths = vectors, bias, lengths_of(vectors)

    def scores(self, query: Floats, rows: Rows | None) -> Floats:
        """Return exact scores of some rows, or of all."""
        return exact_scores(self._vectors, self._bias, query, rows)

    def best(self, query: Floats, wanted: Sequence[Wanted], key: int) -> Best:
        """Return the best rows of each wish for a finite query."""
        return by_scoring(self, query, self._survivors(query, wanted), wanted, key)

    def _survivors(self, query: Floats, wanted: Sequence[Wanted]) -> list[Rows]:
        """Return for each wish a superset of its k best rows, with all that are tied with one of them.

        However a sum of dim products is ordered, float32 is off by at most γ Σ|v u| ≤ γ ‖v‖ ‖u‖, where
        γ = dim ε ÷ (1 − dim ε) and ε = 2^-24 (Higham 2002, §3.1), and by dim × the least normal number where it
        underflows. That is more than doubled here. What is outside of the range where it holds is kept.
        """
        size = float(np.linalg.norm(query.astype(np.float64)))
        if not SMALLEST < size < LARGEST:
            return [np.flatnonzero(mask).astype(np.int32) for mask, _ in wanted]
        with np.errstate(over="ignore", invalid="ignore"):
            middle = (self._vectors @ query).astype(np.float64)
            off = 2.0**-22 * self._vectors.shape[1] * size * self._lengths.astype(np.float64) + 1e-36
            if self._bias is not None:
                middle, off = middle + self._bias, off + 2.0**-40 * np.abs(self._bias)
            low, high = (middle - off).astype(np.float32), (middle + off).astype(np.float32)
        unsure = ~(np.isfinite(low) & np.isfinite(high))
        low[unsure], high[unsure] = -np.inf, np.inf
        return [_reaching(np.flatnonzero(mask).astype(np.int32), low, high, k) for mask, k in wanted]


def lengths_of(vectors: Floats) -> Floats:
    """Return each row's length, float32 [n], rounded up; infinite where a row is not finite.

    >>> lengths_of(np.array([[3, 4], [np.nan, 0]], np.float32)).round(3).tolist()
    [5.0, inf]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
        lengths = np.nextafter(np.sqrt(squares * (1 + 2.0**-40)).astype(np.float32), np.float32(np.inf))
    return np.where(np.isfinite(lengths), lengths, np.float32(np.inf))


def _reaching(rows: Rows, low: Floats, high: Floats, k: int) -> Rows:
    """Return the rows whose upper bound reaches the k-th best lower bound among them."""
    if k < 1:
        return rows[:0]
    if len(rows) <= k:
        return rows
    least = np.partition(low[rows], len(rows) - k)[len(rows) - k]
    return rows[high[rows] >= least]
