"""Where an event goes: how many parts and shards there are, and which one is whose.

Owns the rules that every engine has to follow to write the same bytes. Functions of the plan and of how many events
there are, never of the machines.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.draws import mix
from coldframe.shards.encoded import Events

SALT = np.uint64(0x5851F42D4C957F2D)
"""Tells the lot that deals events to shards from all other draws of a seed."""


@dataclass(frozen=True)
class Sizes:
    """About how many events a part holds, which is what a worker has in memory at a time, and how many rows a shard."""

    events_per_part: int = 500_000
    rows_per_shard: int = 1_000_000

    def parts(self, n_events: int) -> int:
        """Return how many parts n events need."""
        return max(1, round(n_events / self.events_per_part))

    def shards(self, n_events: int, ratio: int) -> int:
        """Return how many shards the rows of n events need, each with `ratio` negatives."""
        return max(1, round(n_events * (1 + ratio) / self.rows_per_shard))


USUAL = Sizes()


def by_user(events: Events, n_users: int, n_parts: int) -> list[Events]:
    """Return the events of each part of the users, in the order that they came."""
    return dealt(events, (events["user"].astype(np.int64) * n_parts // n_users).astype(np.int32), n_parts)


def users_of(part: int, n_users: int, n_parts: int) -> tuple[int, int]:
    """Return the first user row of a part, and that after its last.

    >>> [users_of(part, 10, 3) for part in range(3)]
    [(0, 4), (4, 7), (7, 10)]
    """
    return -(-part * n_users // n_parts), -(-(part + 1) * n_users // n_parts)


def by_lot(events: Events, seed: int, n_shards: int) -> list[Events]:
    """Return the events of each shard that are worth a row, in the order that they came.

    The lot is drawn from an event's key and the seed alone.
    """
    worth = events[events["weight"] != 0]
    bits = mix(worth["key"] ^ mix(np.array([seed % 2**64], np.uint64) ^ SALT))
    return dealt(worth, ((bits >> np.uint64(32)) * np.uint64(n_shards) >> np.uint64(32)).astype(np.int32), n_shards)


def dealt(events: Events, part: NDArray[np.int32], n_parts: int) -> list[Events]:
    """Return the events of each part, in the order that they came."""
    sizes = np.bincount(part, minlength=n_parts)
    ends = np.cumsum(sizes)
    out = np.empty_like(events)
    _deal(events, part, ends - sizes, out)
    return np.split(out, ends[:-1])


@numba.njit(cache=True, nogil=True)
def _deal(events, part, place, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for row in range(len(events)):
        here = part[row]
        out[place[here]] = events[row]
        place[here] += 1
