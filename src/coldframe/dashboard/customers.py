"""Who can be picked on the page: every user with events, grouped by how much history there is.

Owns the counting and the search. Never ranks an item.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import polars as pl

from coldframe.store.protocol import Store

SAMPLE = 6
"""Customers shown of each group before anybody searches."""
FOUND = 30
"""Customers shown of a search."""


@dataclass(frozen=True)
class Warmth:
    """A band of history lengths, in events, both ends included."""

    name: str
    label: str
    low: int
    high: int


WARMTHS = (
    Warmth("regular", "Regulars: more than 20 events", 21, 2**63 - 1),
    Warmth("lukewarm", "Lukewarm: 6 to 20 events", 6, 20),
    Warmth("cool", "Cool: 2 to 5 events", 2, 5),
    Warmth("cold", "Almost cold: a single event", 1, 1),
    Warmth("new", "New: no event yet", 0, 0),
)
"""From warm to cold; the evaluation slices users at the same counts."""


@dataclass(frozen=True)
class Customer:
    """One user of the log: how much there is, when last, and what is known besides."""

    user_id: str
    n_events: int
    last_seen: datetime
    about: str

    @property
    def warmth(self) -> Warmth:
        """The band of this history."""
        return warmth_of(self.n_events)


class Customers:
    """Every user with events, the most recent first."""

    def __init__(self, customers: Iterable[Customer]) -> None:
        self._all = sorted(customers, key=lambda c: (-c.last_seen.timestamp(), c.user_id))
        self._by_id = {customer.user_id: customer for customer in self._all}

    def __len__(self) -> int:
        return len(self._all)

    def get(self, user_id: str) -> Customer | None:
        """Return one customer, or None."""
        return self._by_id.get(user_id)

    def sample(self, per_group: int = SAMPLE) -> list[tuple[Warmth, list[Customer]]]:
        """Return the most recent few of each group that has any, the warmest group first."""
        groups = ((w, list(islice((c for c in self._all if c.warmth is w), per_group))) for w in WARMTHS)
        return [(warmth, customers) for warmth, customers in groups if customers]

    def search(self, text: str, limit: int = FOUND) -> list[Customer]:
        """Return the customers whose id or description holds every word of `text`, the most recent first."""
        words = text.lower().split()
        found = (c for c in self._all if all(word in f"{c.user_id} {c.about}".lower() for word in words))
        return list(islice(found, limit))


def warmth_of(n_events: int) -> Warmth:
    """Return the band of a history length.

    >>> [warmth_of(n).name for n in (0, 1, 5, 20, 21)]
    ['new', 'cold', 'cool', 'lukewarm', 'regular']
    """
    return next(warmth for warmth in WARMTHS if warmth.low <= n_events)


def customers_of(store: Store) -> Customers:
    """Return every user with events in a store; reads the whole log once."""
    counted = (
        store.scan_events()
        .filter(pl.col("user_id").is_not_null())
        .group_by("user_id")
        .agg(pl.len().alias("n"), pl.col("timestamp").max().alias("last"))
        .collect()
    )
    about = {user.user_id: " · ".join(str(value) for value in user.attributes.values()) for user in store.users()}
    return Customers(Customer(user_id, n, last, about.get(user_id, "")) for user_id, n, last in counted.iter_rows())
