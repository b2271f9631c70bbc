"""One row for each event that is worth something, and `ratio` negatives for each liking one.

Owns the rows' meaning: a liked item is label 1, a disliked or never met one label 0, weights are never below 0. The
draws are those of `dataset.negatives`, of an event and a census alone; this is their compiled form.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.draws import mix
from coldframe.dataset.negatives import STRIDE, TRIES
from coldframe.dataset.training_set import DAY_US
from coldframe.shards.bits import below_one, mix_one
from coldframe.shards.census import Census
from coldframe.shards.encoded import Events
from coldframe.shards.rows import ROW, Rows

Mass = NDArray[np.float64]


class Examples(NamedTuple):
    """Rows, and how many negatives do not exist."""

    rows: Rows
    missing: int


class Met(NamedTuple):
    """What users met: `items` int32, user u's from `start[u]` on, `size[u]` of them, ascending; `mass` float64
    [n_users]: how likely one proposal is to be one of them. User 0 here is the row `first_user`.
    """

    items: NDArray[np.int32]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    mass: Mass
    first_user: int = 0

    @staticmethod
    def of(items: NDArray[np.int32], size: NDArray[np.int64], census: Census, first_user: int = 0) -> "Met":
        """Return what users met from their lists, one after the other."""
        start = np.cumsum(size) - size
        return Met(items, start, size, masses(items, start, size, census), first_user)


def masses(items: NDArray[np.int32], start: NDArray[np.int64], size: NDArray[np.int64], census: Census) -> Mass:
    """Return how likely one proposal is to be an item that the user met, float64 [n_users]."""
    if not len(census.popularity):
        return size / len(census.names.items)
    mass = np.zeros(len(size), np.float64)
    _sum_proposals(items, start, size, census.proposal, mass)
    return mass


def examples(events: Events, met: Met, census: Census) -> Examples:
    """Return the rows of settled events, in order of event, its own row first.

    Events of weight 0 make none. A user who met everything has no negatives.
    """
    n_liked = int(np.count_nonzero(events["weight"] > 0))
    rows = np.zeros(int(np.count_nonzero(events["weight"])) + n_liked * census.ratio, ROW)
    plan = census.plan
    start = mix(np.array([plan.seed % 2**64], np.uint64))[0]
    n, missing = _fill(
        events,
        tuple(met),
        start,
        (census.names.user_hash, census.names.item_hash),
        (census.ratio, census.popularity, plan.popularity_share, census.proposal),
        (plan.start, DAY_US, census.known_by),
        rows,
    )
    return Examples(rows[:n], missing)


@numba.njit(cache=True, nogil=True)
def _n_up_to(values, first, size, wanted):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Return how many of `size` ascending values from `first` on are at most `wanted`."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if values[first + middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True)
def _nth_unmet(values, first, size, nth):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Return the nth item (from 0) that is none of `size` ascending ones from `first` on."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if values[first + middle] - middle <= nth:
            low = middle + 1
        else:
            high = middle
    return nth + low


@numba.njit(cache=True, nogil=True)
def _propose(bits, n_items, popularity, part):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    if len(popularity) and np.float64(bits & np.uint64(0xFFFFFFFF)) / 2.0**32 < part:
        step = below_one(bits, popularity[-1])
        return np.int64(_n_up_to(popularity, 0, n_items, step))
    return below_one(bits, n_items)


@numba.njit(cache=True, nogil=True)
def _fill(events, what_met, seed, hashes, chance, calendar, rows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    met, met_start, n_met, mass, first_user = what_met
    user_hash, item_hash = hashes
    ratio, popularity, part, proposal = chance
    start, day, known_by = calendar
    golden = np.uint64(0x9E3779B97F4A7C15)
    n_items, at, missing = len(item_hash), 0, 0
    for row in range(len(events)):
        event = events[row]
        if event.weight == 0:
            continue
        today = (event.time - start) // day
        at = _own_row(event, today, known_by, rows, at)
        if event.weight < 0:
            continue
        user = event.user - first_user
        first, size = met_start[user], n_met[user]
        if size >= n_items:
            missing += ratio
            continue
        key = mix_one(mix_one(seed ^ user_hash[event.user]) ^ item_hash[event.item])
        key = mix_one(key ^ np.uint64(event.time))
        share = mass[user]
        reached, last = 0.0, share**TRIES / (n_items - size)
        for attempt in range(TRIES):
            reached += share**attempt
        for number in range(ratio):
            counter = np.uint64(number * STRIDE)
            item = np.int64(-1)
            for attempt in range(TRIES):
                found = _propose(mix_one(key + (counter + np.uint64(attempt)) * golden), n_items, popularity, part)
                place = _n_up_to(met, first, size, found)
                if place == 0 or met[first + place - 1] != found:
                    item = found
                    break
            if item < 0:
                bits = mix_one(key + (counter + np.uint64(TRIES)) * golden)
                item = _nth_unmet(met, first, size, below_one(bits, n_items - size))
            rows[at].user = event.user
            rows[at].item = item
            rows[at].label = 0
            rows[at].weight = event.weight
            rows[at].timestamp = event.time
            rows[at].probability = proposal[item] * reached + last
            rows[at].user_count = event.count
            rows[at].item_count = known_by[item, today]
            at += 1
    return at, missing


@numba.njit(cache=True, nogil=True)
def _own_row(event, today, known_by, rows, at):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    rows[at].user = event.user
    rows[at].item = event.item
    rows[at].label = 1 if event.weight > 0 else 0
    rows[at].weight = abs(event.weight)
    rows[at].timestamp = event.time
    rows[at].probability = 1
    rows[at].user_count = event.count
    rows[at].item_count = known_by[event.item, today]
    return at + 1


@numba.njit(cache=True, nogil=True)
def _sum_proposals(items, start, size, proposal, mass):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for user in range(len(start)):
        for at in range(start[user], start[user] + size[user]):
            mass[user] += proposal[items[at]]
