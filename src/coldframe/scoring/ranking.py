"""The best rows of a score vector, ties by lot.

Owns the order. A tie goes by a hash of (key, row), so that no row is favoured by its number.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats


def best_rows(rows: NDArray[Any], scores: Floats, k: int, key: int) -> NDArray[Any]:
    """Return at most k of the rows by (scores[row] descending, lot); scores are finite there.

    >>> best_rows(np.array([0, 1, 2]), np.array([0.1, 0.9, 0.5], np.float32), 2, key=7).tolist()
    [1, 2]
    """
    return rows[best_of(rows, scores[rows], k, key)]


def best_of(rows: NDArray[Any], values: Floats, k: int, key: int) -> NDArray[np.int64]:
    """Return the places of at most k of the rows by (value descending, lot); `values` are those of the rows, no NaN.

    >>> best_of(np.array([7, 8]), np.array([0.1, 0.9], np.float32), 1, key=7).tolist()
    [1]
    """
    places = np.arange(len(rows))
    if k == 0:
        return places[:0]
    if len(rows) > k:
        threshold = np.partition(values, len(rows) - k)[len(rows) - k]
        above, ties = np.flatnonzero(values > threshold), np.flatnonzero(values == threshold)
        wanted = k - len(above)
        if len(ties) > wanted:
            ties = ties[np.argpartition(lots(rows[ties], key), wanted - 1)[:wanted]]
        places = np.concatenate([above, ties])
    best_first = places[np.argsort(-values[places])]
    ordered = values[best_first]
    if (ordered[1:] < ordered[:-1]).all():  # nothing is tied with anything
        return best_first
    return places[np.lexsort((lots(rows[places], key), -values[places]))]


def lots(rows: NDArray[Any], key: int) -> NDArray[np.uint64]:
    """Return a pseudo-random 64-bit number per row (splitmix64, Steele et al. 2014)."""
    x = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key & (2**64 - 1))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
