"""Where one visit ends and the next begins, and at which moments of it a recommender is asked.

Owns these rules, for the questions that a mixer learns from and those that an evaluation asks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Times

VISIT_GAP_US = 30 * 60 * 1_000_000
"""A pause longer than this (30 minutes) begins another visit."""
STOPS = np.array([0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500])
"""After how many events of a visit its user is asked about again."""


def begins_visit(user: NDArray[np.integer], timestamp: Times) -> Bools:
    """Return which events begin a visit, for events in order of (user, time in µs).

    >>> minutes = np.array([0, 30, 61, 5])
    >>> begins_visit(np.array([1, 1, 1, 2]), minutes * 60_000_000).tolist()
    [True, False, True, True]
    """
    begins = np.ones(len(user), np.bool_)
    begins[1:] = (user[1:] != user[:-1]) | (np.diff(timestamp) > VISIT_GAP_US)
    return begins


class Stop(NamedTuple):
    """One question: the events `first:last` of a log in order of (user, time) are what follows it."""

    first: int
    last: int


def stops(user: NDArray[np.integer], timestamp: Times, *, horizon: int | None) -> list[Stop]:
    """Return what is asked of a log in order of (user, time in µs), in the log's order.

    With `horizon` None one question a visit, at its start, about all of it. With a number a visit is asked about at its
    start and again at the first moment with 1, 2, 3, 5, 8, … of its events behind it, each time about the moments that
    hold the next `horizon` events.

    >>> when = np.array([0, 1, 1, 1, 2]) * 60_000_000
    >>> stops(np.zeros(5, np.int64), when, horizon=None)
    [Stop(first=0, last=5)]
    >>> stops(np.zeros(5, np.int64), when, horizon=2)
    [Stop(first=0, last=4), Stop(first=1, last=4), Stop(first=4, last=5)]
    """
    if not len(user):
        return []
    begins = np.flatnonzero(begins_visit(user, timestamp))
    ends = np.append(begins[1:], len(user))
    if horizon is None:
        return [Stop(int(first), int(last)) for first, last in zip(begins, ends, strict=True)]
    found: list[Stop] = []
    for begin, end in zip(begins, ends, strict=True):
        times = timestamp[begin:end]
        moments = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
        lasts = np.append(moments[1:], end - begin)
        places = np.unique(np.searchsorted(moments, STOPS))
        asked = moments[places[places < len(moments)]]
        reach = lasts[np.minimum(np.searchsorted(lasts, asked + horizon), len(lasts) - 1)]
        found += [Stop(int(begin + a), int(begin + b)) for a, b in zip(asked, reach, strict=True)]
    return found
