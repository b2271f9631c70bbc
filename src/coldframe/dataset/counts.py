"""What was known at the moment of each event: how much the user and the item had behind them.

Owns point-in-time counts. An event never counts itself, nor anything at its own microsecond or later.
"""

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import DAY_US, NEVER, Floats, Interactions, Rows, Times

Counts = NDArray[np.int32]


def user_counts(interactions: Interactions) -> Counts:
    """Return how many earlier events the user had at each event, int32 [n_events].

    >>> twice_at_once = Interactions(
    ...     np.zeros(3, np.int32), np.array([5, 6, 5], np.int32), np.ones(3, np.float32), np.array([10, 10, 20])
    ... )
    >>> user_counts(twice_at_once).tolist(), item_counts(twice_at_once).tolist()
    ([0, 0, 2], [0, 0, 1])
    """
    return _earlier(interactions.user, interactions.timestamp)


def item_counts(interactions: Interactions) -> Counts:
    """Return how many earlier events the item had at each event, int32 [n_events]."""
    return _earlier(interactions.item, interactions.timestamp)


def days_since_signup(interactions: Interactions, signed_up_at: Times) -> Floats:
    """Return the days from sign-up to each event, at least 0, float32 [n_events].

    `signed_up_at` is in µs per user row (NEVER unknown). A sign-up that is unknown, or after the event and so not known
    at its time, gives way to the user's first event.

    >>> day = DAY_US
    >>> log = Interactions(np.array([0, 1, 1]), np.zeros(3), np.ones(3), np.array([1 * day, 2 * day, 5 * day]))
    >>> days_since_signup(log, np.array([0, 4 * day])).tolist()
    [1.0, 0.0, 1.0]
    """
    user, time = interactions.user, interactions.timestamp
    first = np.full(len(signed_up_at), np.iinfo(np.int64).max)
    np.minimum.at(first, user, time)
    signed_up = signed_up_at[user]
    known = (signed_up != NEVER) & (signed_up <= time)
    return ((time - np.where(known, signed_up, first[user])) / DAY_US).astype(np.float32)


class RunningCounts:
    """Events per item as of moments that only grow, so that a long log is walked once.

    `counts` int32 [n_items] is what there is to begin with; `item` and `timestamp` (µs, ascending) are what follows.
    """

    def __init__(self, counts: Counts, item: Rows, timestamp: Times) -> None:
        self._counts, self._item, self._time = counts, item, timestamp
        self._done = 0

    def before(self, now: int) -> Counts:
        """Return the counts with all that happened before `now`; an array handed out never changes afterwards.

        >>> running = RunningCounts(np.zeros(2, np.int32), np.array([1, 1]), np.array([10, 20]))
        >>> running.before(10).tolist(), running.before(21).tolist()
        ([0, 0], [0, 2])
        """
        stop = int(np.searchsorted(self._time, now, side="left"))
        if stop > self._done:
            self._counts = self._counts.copy()
            np.add.at(self._counts, self._item[self._done : stop], 1)
            self._done = stop
        return self._counts


def _earlier(row: Rows, time: Times) -> Counts:
    """Return how many entries of the same row have a smaller time: place in the row's order, less the tied ones."""
    order = np.lexsort((time, row))
    row, time = row[order], time[order]
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    moments = np.flatnonzero((np.diff(row, prepend=-1) != 0) | (np.diff(time, prepend=0) != 0))
    counts = np.empty(len(row), np.int32)
    counts[order] = _latest(moments, len(row)) - _latest(starts, len(row))
    return counts


def _latest(starts: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return for each of n places the last start at or before it; the first start is 0."""
    return np.repeat(starts, np.diff(starts, append=n))
