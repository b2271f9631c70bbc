"""What an answer computes besides the scan: a user's vector from the past, ranks, and sums of sparse rows.

Owns the choice between C (request.c) and NumPy. Ranks and sums are the same either way, vectors but for rounding.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel.library import library


class System(NamedTuple):
    """What is the same in every user's system: Y'Y, Y'b, Y [n_items, dim] and b [n_items], float32, as C reads them."""

    gram: Floats
    pull: Floats
    vectors: Floats
    bias: Floats

    @staticmethod
    def of(gram: Floats, pull: Floats, vectors: Floats, bias: Floats) -> "System":
        """Return it; arrays that lie otherwise are copied."""
        return System(*(np.ascontiguousarray(array, np.float32) for array in (gram, pull, vectors, bias)))


def folded_in(system: System, items: Rows, extra: Floats, ridge: float) -> Floats:
    """Return the user's vector u [dim] by the vectors y and biases b of some items, int32.

    (gram + Σ extra y y' + ridge) u = Σ ((1 + extra) − extra b) y − pull

    The system is summed in float32 and solved in double, by
    Cholesky where there is compiled code; where rounding leaves no positive pivot, and without it, by LU.

    >>> one = np.ones((1, 1), np.float32)
    >>> system = System.of(one, one[0] * 0, one, one[0] * 0)
    >>> folded_in(system, np.array([0], np.int32), one[0] * 2, 1.0).tolist()
    [0.75]
    """
    compiled, (gram, pull, vectors, bias), dim = library(), system, len(system.pull)
    if compiled is not None:
        user, items = np.empty(dim, np.float32), np.ascontiguousarray(items, np.int32)
        extra = np.ascontiguousarray(extra, np.float32)
        where = [array.ctypes.data for array in (*system, items, extra)]
        if not compiled.fold_in(compiled.level, *where[:4], dim, *where[4:], len(items), ridge, user.ctypes.data):
            return user
    near = vectors[items]
    left = (near.T * extra) @ near + gram
    left.ravel()[:: dim + 1] += np.float32(ridge)
    right = near.T @ ((1.0 + extra) - extra * bias[items]) - pull
    return np.linalg.solve(left, right).astype(np.float32)


def ranks(scores: Floats) -> Floats:
    """Return each score's place in its row's order, 0 the largest, float32 [n_rows, n]; ties share their mean place.

    >>> ranks(np.array([[3, 1, 3, 7]], np.float32)).tolist()
    [[1.5, 3.0, 1.5, 0.0]]
    """
    compiled, found = library(), np.empty(scores.shape, np.float32)
    if compiled is not None:
        scores = np.ascontiguousarray(scores, np.float32)
        compiled.ranks(compiled.level, scores.ctypes.data, *scores.shape, found.ctypes.data)
        return found
    for row, values in enumerate(scores):
        found[row] = _ranks_of(values)
    return found


def _ranks_of(values: Floats) -> NDArray[np.float64]:
    ordered = np.sort(values)
    below, upto = np.searchsorted(ordered, values, side="left"), np.searchsorted(ordered, values, side="right")
    return len(values) - (below + upto + 1) / 2


def sum_of_rows(sparse: tuple[NDArray[np.int64], Rows, Floats], n_columns: int, rows: Rows, weights: Floats) -> Floats:
    """Return Σ weights[k] · row(rows[k]) of compressed sparse rows (indptr, indices, data), float32 [n_columns].

    Products are float32, summed in double in order.

    >>> eye = (np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([2, 3], np.float32))
    >>> sum_of_rows(eye, 2, np.array([1], np.int32), np.array([10], np.float32)).tolist()
    [0.0, 30.0]
    """
    compiled, (indptr, indices, data) = library(), sparse
    if compiled is None:
        starts, lengths = indptr[rows], np.diff(indptr)[rows]
        where = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
        products = data[where] * np.repeat(weights, lengths)
        return np.bincount(indices[where], products, minlength=n_columns).astype(np.float32)
    kinds = (np.int64, np.int32, np.float32, np.int32, np.float32)
    arrays = [np.ascontiguousarray(*each) for each in zip((*sparse, rows, weights), kinds, strict=True)]
    total = np.zeros(n_columns, np.float64)
    compiled.add_rows(compiled.level, *(array.ctypes.data for array in arrays), len(rows), total.ctypes.data)
    return total.astype(np.float32)
