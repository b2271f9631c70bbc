"""What a trainer sees: arrays over dense rows, and the vocabularies that lead back to ids.

Owns the shapes. Never reads a store and never draws a random number.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coldframe.errors import InputError

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int32]
Times = NDArray[np.int64]

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
NEVER: int = np.iinfo(np.int64).min
"""The time of what did not happen, or is not known."""
DAY_US = 86_400_000_000
"""Microseconds in a day."""


def micros(moment: datetime | None) -> int:
    """Return a time as µs since 1970, NEVER for None. Raises `InputError` for a time without a zone.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if moment is None:
        return NEVER
    if moment.tzinfo is None:
        raise InputError(f"The time {moment} has no zone.", remedy="Give it one, for example +00:00.")
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the time, in UTC, so many microseconds after 1970 began."""
    return _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True)
class Vocabulary:
    """Ids in row order, and back."""

    ids: tuple[str, ...]

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Id → row."""
        return {identifier: row for row, identifier in enumerate(self.ids)}

    def rows(self, identifiers: Iterable[str]) -> Rows:
        """Return the row of each id, −1 where unknown.

        >>> Vocabulary(("a", "b")).rows(["b", "z"]).tolist()
        [1, -1]
        """
        return np.array([self.row_of.get(identifier, -1) for identifier in identifiers], dtype=np.int32)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Bags:
    """A ragged list of feature indices per row (compressed sparse rows without values).

    Row i holds `indices[indptr[i]:indptr[i + 1]]`, each in 0 … n_features − 1.
    """

    indptr: NDArray[np.int64]
    indices: Rows
    n_features: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row(self, i: int) -> Rows:
        """Return the feature indices of row i."""
        return self.indices[self.indptr[i] : self.indptr[i + 1]]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many feature indices each row holds."""
        return np.diff(self.indptr)

    @staticmethod
    def of(rows: NDArray[np.integer], features: NDArray[np.integer], *, n_rows: int, n_features: int) -> "Bags":
        """Gather (row, feature) pairs in any order: each row's features ascending, each once.

        >>> Bags.of(np.array([2, 0, 2, 2]), np.array([1, 4, 0, 1]), n_rows=3, n_features=5).row(2).tolist()
        [0, 1]
        """
        width = max(n_features, 1)
        keys = np.sort(rows.astype(np.int64) * width + features)
        keys = keys[np.diff(keys, prepend=-1) > 0]
        indptr = np.searchsorted(keys, np.arange(n_rows + 1, dtype=np.int64) * width)
        return Bags(indptr.astype(np.int64), (keys % width).astype(np.int32), n_features)

    def put(self, rows: Rows, others: "Bags", n_rows: int) -> "Bags":
        """Return `n_rows` rows: these, as far as there is room, but for some, ascending, which are what others hold.

        >>> before = Bags.of(np.array([0, 1]), np.array([5, 6]), n_rows=2, n_features=9)
        >>> others = Bags.of(np.array([1]), np.array([8]), n_rows=2, n_features=9)
        >>> after = before.put(np.array([1, 2], np.int32), others, 4)
        >>> [after.row(row).tolist() for row in range(4)]
        [[5], [], [8], []]
        """
        n_kept = min(len(self), n_rows)
        sizes, put = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.bool_)
        sizes[:n_kept] = self.sizes[:n_kept]
        sizes[rows], put[rows] = others.sizes, True
        indptr, own = np.append(0, np.cumsum(sizes)), np.repeat(put, sizes)
        indices = np.empty(len(own), np.int32)
        stays = np.repeat(~put[:n_kept], self.sizes[:n_kept])
        indices[~own], indices[own] = self.indices[: len(stays)][stays], others.indices
        return Bags(indptr, indices, max(self.n_features, others.n_features))

    @staticmethod
    def empty(n_rows: int = 0, n_features: int = 0) -> "Bags":
        """Return rows that hold nothing."""
        return Bags(np.zeros(n_rows + 1, np.int64), np.empty(0, np.int32), n_features)


@dataclass(frozen=True)
class Interactions:
    """Events as parallel arrays of length n_events, ordered by time.

    `weight` is signed: above zero the event says "liked this much", below zero "disliked this much".
    """

    user: Rows
    item: Rows
    weight: Floats
    timestamp: Times

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "Interactions":
        """Return the events that a boolean mask of length n_events keeps."""
        return Interactions(self.user[mask], self.item[mask], self.weight[mask], self.timestamp[mask])

    def followed_by(self, later: "Interactions") -> "Interactions":
        """Return these events and then others, none of which is older."""
        pairs = ((getattr(self, name), getattr(later, name)) for name in ("user", "item", "weight", "timestamp"))
        return Interactions(*(np.concatenate(pair) for pair in pairs))

    @staticmethod
    def none() -> "Interactions":
        """Return no event."""
        rows = np.empty(0, np.int32)
        return Interactions(rows, rows, np.empty(0, np.float32), np.empty(0, np.int64))


@dataclass(frozen=True)
class ItemFeatures:
    """What is known of each item besides its events; never its id.

    `numeric` is [n_items, n_numerics] with NaN where unknown; `created_at` in µs, NEVER where unknown.
    """

    categories: Bags
    tags: Bags
    words: Bags
    numeric: Floats
    created_at: Times
    category_names: tuple[str, ...] = ()
    tag_names: tuple[str, ...] = ()
    numeric_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class UserFeatures:
    """What users told us: one bag of `name=value` attributes each, and when they signed up (µs, NEVER unknown)."""

    attributes: Bags
    signed_up_at: Times
    attribute_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingSet:
    """Everything one training reads. `as_of` is the end of the window, µs, exclusive.

    `seen` holds per user row the distinct item rows met at any time before `as_of`, outside the window too: what no
    negative may be. It has no rows at all where nobody gathered it. `earlier` are the events before the window, of
    users and items that have a row: nothing is fitted on them, but they are part of a past, as when serving.
    """

    users: Vocabulary
    items: Vocabulary
    interactions: Interactions
    item_features: ItemFeatures
    user_features: UserFeatures
    as_of: int
    seen: Bags = field(default_factory=Bags.empty)
    earlier: Interactions = field(default_factory=Interactions.none)

    @cached_property
    def log(self) -> Interactions:
        """Every event before `as_of`: those before the window, then those in it."""
        return self.earlier.followed_by(self.interactions) if len(self.earlier) else self.interactions

    @property
    def n_users(self) -> int:
        """Users in the vocabulary."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Items in the vocabulary, those without an event included."""
        return len(self.items)
