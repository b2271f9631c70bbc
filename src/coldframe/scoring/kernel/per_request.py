"""What an answer computes besides the scan: a user's vector from the past, and ranks of candidates.

Owns the choice between C (request.c) and NumPy. Ranks are the same either way, vectors but for rounding.
"""

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel.library import library


def folded_in(
    gram: Floats, pull: Floats, vectors: Floats, bias: Floats, items: Rows, extra: Floats, ridge: float
) -> Floats:
    """Return the user's vector u [dim] by the y and b of some items.

    (gram + Σ extra y y' + ridge) u = Σ ((1 + extra) − extra b) y − pull

    `vectors` [n_items, dim], `bias` [n_items], all float32. The system is summed in float32 and solved in double, by
    Cholesky where there is compiled code; where rounding leaves no positive pivot, and without it, by LU.

    >>> one = np.ones((1, 1), np.float32)
    >>> folded_in(one, one[0] * 0, one, one[0] * 0, np.array([0], np.int32), one[0] * 2, 1.0).tolist()
    [0.75]
    """
    compiled, dim = library(), len(pull)
    arrays = (gram, pull, vectors, bias, items, extra)
    if compiled is not None and all(array.flags.c_contiguous for array in arrays):
        user = np.empty(dim, np.float32)
        where = [array.ctypes.data for array in arrays]
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
