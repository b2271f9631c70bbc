"""Which requests and which right answers belong to which slice.

Owns the buckets. Never computes a metric.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools

NO_END = np.iinfo(np.int64).max


class Bucket(NamedTuple):
    """Counts from low to high, both included."""

    name: str
    low: int
    high: int


USER_BUCKETS = (
    Bucket("user:0", 0, 0),
    Bucket("user:1", 1, 1),
    Bucket("user:2-5", 2, 5),
    Bucket("user:6-20", 6, 20),
    Bucket("user:>20", 21, NO_END),
)
"""Events in the user's history at the moment of the request."""

ITEM_BUCKETS = (
    Bucket("item:0", 0, 0),
    Bucket("item:1-5", 1, 5),
    Bucket("item:6-20", 6, 20),
    Bucket("item:>20", 21, NO_END),
)
"""Events on the right answer up to the moment of the request, as the experts can know them."""


def split_by(counts: NDArray[np.integer], buckets: tuple[Bucket, ...]) -> Iterator[tuple[str, Bools]]:
    """Yield the name of each bucket and a mask over the counts, empty buckets left out.

    >>> [(name, mask.tolist()) for name, mask in split_by(np.array([0, 3, 30]), ITEM_BUCKETS)]
    [('item:0', [True, False, False]), ('item:1-5', [False, True, False]), ('item:>20', [False, False, True])]
    """
    for bucket in buckets:
        mask = (counts >= bucket.low) & (counts <= bucket.high)
        if mask.any():
            yield bucket.name, mask
