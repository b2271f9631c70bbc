"""Scores that have one value: the same bits in C and in NumPy, of one row or of all, on every machine.

Owns the arithmetic. A sum in the order that a BLAS chooses differs in its last bits with the number of rows, so a row
could be another's better when asked about alone.
"""

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows

BLOCK = 1_024
"""Rows at a time, so that their products stay in the cache."""


def exact_scores(vectors: Floats, bias: Floats | None, query: Floats, rows: Rows | None = None) -> Floats:
    """Return float32(bias + Σ vectors · query) of some rows of vectors [n, dim], or of all.

    Products of two float32 are exact in double. They are added in halves, p[j] += p[j + w ÷ 2] for w = width … 2 where
    width is the least power of two ≥ dim; the sum and the bias are rounded to float32 once.

    >>> exact_scores(np.array([[1, 2], [3, 4]], np.float32), None, np.array([10, 1], np.float32)).tolist()
    [12.0, 34.0]
    """
    n = len(vectors) if rows is None else len(rows)
    asked, scores = query.astype(np.float64), np.empty(n, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n, BLOCK):
            part = slice(start, start + BLOCK) if rows is None else rows[start : start + BLOCK]
            sums = _in_halves(vectors[part].astype(np.float64) * asked)
            scores[start : start + BLOCK] = sums if bias is None else bias[part].astype(np.float64) + sums
    return scores


def _in_halves(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row [n, dim], float64 [n]."""
    width = products.shape[1]
    while width > 1:
        half = 1 << (width - 1).bit_length() - 1
        products[:, : width - half] += products[:, half:width]
        width = half
    return products[:, 0]
