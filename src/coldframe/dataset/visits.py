"""Where one visit ends and the next begins.

Owns that one rule, for the questions that a mixer learns from and those that an evaluation asks.
"""

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Times

VISIT_GAP_US = 30 * 60 * 1_000_000
"""A pause longer than this (30 minutes) begins another visit."""


def begins_visit(user: NDArray[np.integer], timestamp: Times) -> Bools:
    """Return which events begin a visit, for events in order of (user, time in µs).

    >>> minutes = np.array([0, 30, 61, 5])
    >>> begins_visit(np.array([1, 1, 1, 2]), minutes * 60_000_000).tolist()
    [True, False, True, True]
    """
    begins = np.ones(len(user), np.bool_)
    begins[1:] = (user[1:] != user[:-1]) | (np.diff(timestamp) > VISIT_GAP_US)
    return begins
