"""Where one visit ends and the next begins, and at which moments of it a recommender is asked.

Owns these rules, for the questions that a mixer learns from and those that an evaluation asks.
"""

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


def stops(user: NDArray[np.integer], timestamp: Times, *, horizon: int | None) -> NDArray[np.int64]:
    """Return what is asked of a log in order of (user, time in µs), in the log's order, int64 [n, 2].

    A row says which events of the log follow the question: from its first number to before its second.

    With `horizon` None one question a visit, at its start, about all of it. With a number a visit is asked about at its
    start and again at the first moment with 1, 2, 3, 5, 8, … of its events behind it, each time about the moments that
    hold the next `horizon` events.

    >>> when = np.array([0, 1, 1, 1, 2]) * 60_000_000
    >>> stops(np.zeros(5, np.int64), when, horizon=None).tolist()
    [[0, 5]]
    >>> stops(np.zeros(5, np.int64), when, horizon=2).tolist()
    [[0, 4], [1, 4], [4, 5]]
    """
    n = len(user)
    opens = begins_visit(user, timestamp)[:n]
    begins = np.flatnonzero(opens)
    ends = np.append(begins[1:], n)[: len(begins)]
    if horizon is None:
        return np.stack([begins, ends], axis=1)
    moments = np.flatnonzero(opens | (np.diff(timestamp, prepend=timestamp[:1]) != 0))
    lasts = np.append(moments[1:], n)[: len(moments)]
    stop_moments = np.searchsorted(moments, ends)
    asked: list[NDArray[np.int64]] = []
    last_of: list[NDArray[np.int64]] = []
    for passed in STOPS:
        longer = ends - begins > passed
        found = np.searchsorted(moments, begins[longer] + passed)
        inside = found < stop_moments[longer]
        asked.append(found[inside])
        last_of.append(stop_moments[longer][inside] - 1)
    moment, places = np.unique(np.concatenate(asked), return_index=True)
    reach = np.searchsorted(lasts, moments[moment] + horizon)
    return np.stack([moments[moment], lasts[np.minimum(reach, np.concatenate(last_of)[places])]], axis=1)
