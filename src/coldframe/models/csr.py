"""What a SciPy sparse matrix is called in this room, and how one is cut to what fits.

SciPy's types do not know that arithmetic on `csr_matrix` gives `csr_matrix`, so it is not checked.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from coldframe.dataset.training_set import Floats

Csr = Any
"""`scipy.sparse.csr_matrix`, float32 unless said otherwise."""
BLOCK = 256
"""Rows of a product that are held before they are cut."""


def largest_of_rows(matrix: Csr, k: int, factor: Floats | None = None) -> Csr:
    """Return the k entries of largest size in each row, of equal ones the first; sizes are times `factor` [n_columns].

    >>> largest_of_rows(sp.csr_matrix(np.array([[3, 1, -2], [0, 4, 0]], np.float32)), 2).toarray().tolist()
    [[3.0, 0.0, -2.0], [0.0, 4.0, 0.0]]
    """
    size = np.abs(matrix.data) if factor is None else np.abs(matrix.data) * factor[matrix.indices]
    kept = np.ones(matrix.nnz, np.bool_)
    lengths = np.diff(matrix.indptr)
    for row in np.flatnonzero(lengths > k):
        start, stop = matrix.indptr[row], matrix.indptr[row + 1]
        sizes = size[start:stop]
        least = np.partition(sizes, len(sizes) - k)[len(sizes) - k]
        above = sizes > least
        above[np.flatnonzero(sizes == least)[: k - above.sum()]] = True
        kept[start:stop] = above
    indptr = np.concatenate([[0], np.cumsum(np.minimum(lengths, k))])
    return sp.csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


def meetings(matrix: Csr, *, kept: int | None = None, factor: Floats | None = None) -> Csr:
    """Return M'M [n, n] of M [n_rows, n], rows in order; with `kept` an entry stays if its row or its column keeps it.

    Each keeps its `kept` largest, as `largest_of_rows` does, and the diagonal. Memory is what they take, however dense
    M'M is.
    """
    columns: Csr = sp.csr_matrix(matrix.T, dtype=np.float32)
    rows: Csr = sp.csr_matrix(matrix, dtype=np.float32)
    if kept is None or kept >= columns.shape[0]:
        found: Csr = sp.csr_matrix(columns @ rows, dtype=np.float32)
    else:
        starts = range(0, columns.shape[0], BLOCK)
        blocks = [largest_of_rows(_sorted(columns[at : at + BLOCK] @ rows), kept, factor) for at in starts]
        half: Csr = sp.vstack(blocks, format="csr")
        del blocks
        squares = np.asarray(rows.multiply(rows).sum(axis=0)).ravel()
        found = half.maximum(half.T.tocsr()) + sp.diags(np.where(half.diagonal() > 0, 0, squares))
    return _sorted(sp.csr_matrix(found, dtype=np.float32))


def _sorted(matrix: Csr) -> Csr:
    matrix.sort_indices()
    return matrix
