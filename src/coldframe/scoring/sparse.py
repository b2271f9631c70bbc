"""A sparse matrix as three arrays, with the one product that scoring needs.

Owns the layout. Never fits one: `models` does, and hands the arrays over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel import sum_of_rows


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
        return sum_of_rows((self.indptr, self.indices, self.data), self.n_columns, rows, weights)

    def transposed(self) -> "SparseRows":
        """Return the matrix by columns.

        >>> eye = SparseRows(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), np.array([2, 3, 4], np.float32), 2)
        >>> eye.transposed().indices.tolist(), eye.transposed().data.tolist()
        ([0, 0, 1], [2.0, 3.0, 4.0])
        """
        order = np.argsort(self.indices, kind="stable")
        row = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.indptr))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(self.indices, minlength=self.n_columns))])
        return SparseRows(indptr.astype(np.int64), row[order], self.data[order], len(self))
