"""A sparse matrix as three arrays, with the two products that scoring needs, in NumPy alone.

Owns the layout. Never fits one: `models` does, and hands the arrays over.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows


@dataclass(frozen=True)
class SparseRows:
    """Compressed sparse rows: row i holds `data[indptr[i]:indptr[i + 1]]` in columns `indices[…]`.

    `indptr` int64 [n_rows + 1], `indices` int32 and `data` float32 [n_stored], 0 ≤ indices < n_columns.
    """

    indptr: NDArray[np.int64]
    indices: Rows
    data: Floats
    n_columns: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def combine(self, rows: Rows, weights: Floats) -> Floats:
        """Return Σ weights[k] · row(rows[k]) as dense float32 [n_columns].

        >>> eye = SparseRows(np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([2, 3], np.float32), 2)
        >>> eye.combine(np.array([1], np.int32), np.array([10], np.float32)).tolist()
        [0.0, 30.0]
        """
        starts, lengths = self.indptr[rows], np.diff(self.indptr)[rows]
        where = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
        amounts = self.data[where] * np.repeat(weights, lengths)
        return np.bincount(self.indices[where], amounts, minlength=self.n_columns).astype(np.float32)

    def dot(self, vector: NDArray[Any]) -> Floats:
        """Return each row's inner product with a dense vector [n_columns], float32 [n_rows]."""
        products = self.data * vector[self.indices]
        sums = np.concatenate([[0.0], np.cumsum(products, dtype=np.float64)])
        return (sums[self.indptr[1:]] - sums[self.indptr[:-1]]).astype(np.float32)
