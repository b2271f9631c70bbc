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

Mass = NDArray[np.float64]


class Rows(NamedTuple):
    """Training rows as parallel arrays.

    `user`, `item` rows of the vocabularies int32; `label` 0 or 1 uint8; `weight` ≥ 0 float32; `timestamp` of the event
    int64 µs; `probability` float32: how likely the draw was to give this item, 1 for an event's own row;
    `user_count` int32: the user's earlier events; `item_count` int32: the item's events before that day began.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    label: NDArray[np.uint8]
    weight: NDArray[np.float32]
    timestamp: NDArray[np.int64]
    probability: NDArray[np.float32]
    user_count: NDArray[np.int32]
    item_count: NDArray[np.int32]

    @staticmethod
    def empty(n: int) -> "Rows":
        """Return n rows to be filled in."""
        kinds = (np.int32, np.int32, np.uint8, np.float32, np.int64, np.float32, np.int32, np.int32)
        return Rows._make(np.empty(n, kind) for kind in kinds)

    def taken(self, places: NDArray[np.int64] | slice) -> "Rows":
        """Return some rows, in that order."""
        return Rows._make(column[places] for column in self)

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.user)


class Examples(NamedTuple):
    """Rows, the event that each came from, int32, and how many negatives do not exist."""

    rows: Rows
    event: NDArray[np.int32]
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
    rows = Rows.empty(int(np.count_nonzero(events["weight"])) + n_liked * census.ratio)
    event = np.empty(rows.n, np.int32)
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
        event,
    )
    return Examples(rows.taken(slice(n)), event[:n], missing)


def fingerprint(rows: Rows) -> int:
    """Return a number that is the same for the same rows in any order, 64 bits."""
    return int(_fingerprint(rows))


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
def _fill(events, what_met, seed, hashes, chance, calendar, rows, origin):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
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
        origin[at] = row
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
            origin[at] = row
            rows.user[at] = event.user
            rows.item[at] = item
            rows.label[at] = 0
            rows.weight[at] = event.weight
            rows.timestamp[at] = event.time
            rows.probability[at] = proposal[item] * reached + last
            rows.user_count[at] = event.count
            rows.item_count[at] = known_by[item, today]
            at += 1
    return at, missing


@numba.njit(cache=True, nogil=True)
def _own_row(event, today, known_by, rows, at):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    rows.user[at] = event.user
    rows.item[at] = event.item
    rows.label[at] = 1 if event.weight > 0 else 0
    rows.weight[at] = abs(event.weight)
    rows.timestamp[at] = event.time
    rows.probability[at] = 1
    rows.user_count[at] = event.count
    rows.item_count[at] = known_by[event.item, today]
    return at + 1


@numba.njit(cache=True, nogil=True)
def _sum_proposals(items, start, size, proposal, mass):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for user in range(len(start)):
        for at in range(start[user], start[user] + size[user]):
            mass[user] += proposal[items[at]]


@numba.njit(cache=True, nogil=True)
def _fingerprint(rows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    weight, probability = rows.weight.view(np.uint32), rows.probability.view(np.uint32)
    total = np.uint64(0)
    for at in range(len(rows.user)):
        state = mix_one((np.uint64(rows.user[at]) << np.uint64(32)) | np.uint64(rows.item[at]))
        state = mix_one(state ^ np.uint64(rows.timestamp[at]))
        state = mix_one(state ^ ((np.uint64(weight[at]) << np.uint64(32)) | np.uint64(probability[at])))
        state = mix_one(state ^ ((np.uint64(rows.user_count[at]) << np.uint64(32)) | np.uint64(rows.item_count[at])))
        total += mix_one(state ^ np.uint64(rows.label[at]))
    return total
