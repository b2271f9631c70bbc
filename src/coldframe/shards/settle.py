"""The events of some users as they really happened: each id once, in order of time, with what was known by then.

Owns deduplication, the user's count at each event, and what a user met. Takes all events of a user or none:
nothing here looks beyond the users it is given, so that they can be settled anywhere, in any order, again and again.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from coldframe.shards.encoded import EVENT, Events


class Settled(NamedTuple):
    """Events in order of (user, time, key), and what each user met.

    `met` int32 holds the distinct items of each user in turn, ascending; `n_met` int64 [n_users] how many they are.
    """

    events: Events
    met: NDArray[np.int32]
    n_met: NDArray[np.int64]
    repeated: int


def settle(events: Events, first_user: int, n_users: int) -> Settled:
    """Return the settled events of the users `first_user` … `first_user + n_users − 1`.

    Of several events with one key the earliest counts; at the same moment the one of the smaller item row. `count`
    becomes how many events of the user are earlier than an event, at whatever moment it happened.
    """
    kept = events[_first_of_key(events)]
    size = np.bincount(kept["user"] - first_user, minlength=n_users)
    ends = np.cumsum(size)
    ordered = np.empty_like(kept)
    _by_user(kept, first_user, ends - size, ordered)
    met = np.empty(len(kept), np.int32)
    n_met = np.zeros(n_users, np.int64)
    total = _walk(ordered, ends - size, ends, met, n_met)
    return Settled(ordered, met[:total], n_met, len(events) - len(kept))


def no_events(n: int = 0) -> Events:
    """Return n empty records."""
    return np.zeros(n, EVENT)


@numba.njit(cache=True, nogil=True)
def _earlier(one, other):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    if one.time != other.time:
        return one.time < other.time
    if one.item != other.item:
        return one.item < other.item
    return one.weight < other.weight


@numba.njit(cache=True, nogil=True)
def _first_of_key(events):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Return which rows are the earliest of their user and key, by a table of open addresses."""
    n = len(events)
    size = 16
    while size < 2 * n:
        size *= 2
    table = np.full(size, -1, np.int32)
    kept = np.ones(n, np.bool_)
    for row in range(n):
        place = np.int64((events[row].key ^ np.uint64(events[row].user)) & np.uint64(size - 1))
        while True:
            found = table[place]
            if found < 0:
                table[place] = row
                break
            if events[found].key == events[row].key and events[found].user == events[row].user:
                if _earlier(events[row], events[found]):
                    kept[found] = False
                    table[place] = row
                else:
                    kept[row] = False
                break
            place = (place + 1) & (size - 1)
    return kept


@numba.njit(cache=True, nogil=True)
def _by_user(events, first_user, place, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for row in range(len(events)):
        user = events[row].user - first_user
        out[place[user]] = events[row]
        place[user] += 1


@numba.njit(cache=True, nogil=True)
def _walk(events, starts, ends, met, n_met):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Order each user's events in place, count what came before each, and list what was met; return how much."""
    total = 0
    for user in range(len(starts)):
        first, last = starts[user], ends[user]
        if last - first > FEW:
            own = events[first:last].copy()
            by_key = np.argsort(own["key"])
            order = by_key[np.argsort(own["time"][by_key], kind="mergesort")]
            for at in range(last - first):
                events[first + at] = own[order[at]]
            items = np.sort(own["item"])
            for at in range(last - first):
                met[total + at] = items[at]
        else:
            _insertion_sort(events, first, last)
            _insert_items(events, first, last, met, total)
        before = 0
        for at in range(first, last):
            if at > first and events[at].time != events[at - 1].time:
                before = at - first
            events[at].count = before
        n_met[user] = _once(met, total, last - first)
        total += n_met[user]
    return total


FEW = 48
"""Up to so many events of a user, insertion sorts them sooner than anything that asks for memory first."""


@numba.njit(cache=True, nogil=True)
def _insertion_sort(events, first, last):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Order events by time and key, in place."""
    for at in range(first + 1, last):
        time, key, place = events[at].time, events[at].key, at
        while place > first and (
            events[place - 1].time > time or (events[place - 1].time == time and events[place - 1].key > key)
        ):
            place -= 1
        if place == at:
            continue
        user, item, weight = events[at].user, events[at].item, events[at].weight
        for there in range(at, place, -1):
            events[there] = events[there - 1]
        events[place].time, events[place].key, events[place].user = time, key, user
        events[place].item, events[place].weight = item, weight


@numba.njit(cache=True, nogil=True)
def _insert_items(events, first, last, met, start):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Put the items of some events into `met` from `start` on, ascending."""
    for at in range(last - first):
        item, place = events[first + at].item, start + at
        while place > start and met[place - 1] > item:
            met[place] = met[place - 1]
            place -= 1
        met[place] = item


@numba.njit(cache=True, nogil=True)
def _once(values, start, size):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Keep each of `size` ascending values from `start` on once, and return how many remain."""
    kept = 0
    for at in range(size):
        if at == 0 or values[start + at] != values[start + at - 1]:
            values[start + kept] = values[start + at]
            kept += 1
    return kept
