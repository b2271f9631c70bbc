"""Who and what there is, and how often each item was met by which day: what every worker has to know.

Owns the facts that need all events at once. Small beside the events: it travels to the workers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coldframe.dataset.negatives import cumulative_popularity, proposals
from coldframe.dataset.training_set import DAY_US
from coldframe.errors import DataError
from coldframe.shards.encoded import Vocabularies
from coldframe.shards.plan import Plan
from coldframe.shards.settle import Settled
from coldframe.shards.source import Column, Read, batches, pc


class Names:
    """The distinct ids of the batches it was shown, and how many rows and events they were.

    `n` counts events, `read` rows and those that are no event of the run.
    """

    def __init__(self) -> None:
        self.users, self.items = Distinct(), Distinct()
        self.n, self.read = 0, Read()

    @staticmethod
    def of(path: Path, plan: Plan) -> "Names":
        """Return the names of a file. Raises `InputError` when it cannot be read to its end."""
        found = Names()
        for batch in batches(path, **plan.reading, read=found.read, keys=False):
            found.users.add(distinct(batch.user))
            found.items.add(distinct(batch.item))
            found.n += len(batch)
        return found

    @staticmethod
    def all(parts: Iterable["Names"]) -> "Names":
        """Return the names of all parts in one."""
        found = Names()
        for part in parts:
            found.take(part)
        return found

    def take(self, other: "Names") -> None:
        """Know what somebody else knows, too."""
        self.users.add(other.users.merged())
        self.items.add(other.items.merged())
        self.n += other.n
        self.read.add(other.read)

    def vocabularies(self) -> Vocabularies:
        """Return all ids in order. Raises `DataError` when there was no event."""
        if not self.n:
            raise DataError(
                "The source holds no event of this run.", remedy="Check --as-of, and why rows were rejected."
            )
        return Vocabularies(self.users.sorted(), self.items.sorted())


def distinct(column: Column) -> Column:
    """Return the distinct values of a column as text; a dictionary may hold what no row of the batch says."""
    if isinstance(column, pa.DictionaryArray):
        found = column.dictionary.take(pc.unique(column.indices))
    else:
        found = pc.unique(column)
    return found.cast(pa.string())


class Distinct:
    """Distinct texts, merged again whenever those that wait are several times as many as those that are known."""

    def __init__(self, known: Column | None = None) -> None:
        self._known: Column = pa.array([], pa.string()) if known is None else known
        self._waiting: list[Column] = []

    def add(self, texts: Column) -> None:
        """Take some texts."""
        self._waiting.append(texts)
        if sum(map(len, self._waiting)) > max(PATIENCE * len(self._known), WAITING):
            self.merged()

    def merged(self) -> Column:
        """Return the texts, each once."""
        if self._waiting:
            self._known = pc.unique(pa.chunked_array([self._known, *self._waiting]).combine_chunks())
            self._waiting = []
        return self._known

    def sorted(self) -> Column:
        """Return the texts in order."""
        return self.merged().take(pc.sort_indices(self.merged()))


WAITING = 1 << 18
"""Texts that may wait at least."""
PATIENCE = 4
"""Texts that may wait for each known one: a merge looks at the known ones again, too."""


@dataclass
class Counts:
    """Events per item and day, int32 [n_items, days + 1], those before the window in column 0; liking events of the
    window per item, int64 [n_items]; and how many events were told again.
    """

    by_day: NDArray[np.int32]
    liked: NDArray[np.int64]
    repeated: int = 0

    @staticmethod
    def none(n_items: int, plan: Plan) -> "Counts":
        """Return the counts of no event."""
        return Counts(np.zeros((n_items, plan.days + 1), np.int32), np.zeros(n_items, np.int64))

    def add(self, found: Settled, plan: Plan) -> None:
        """Count settled events, too; two threads must not do so at once."""
        _count(found.events, plan.start, DAY_US, self.by_day, self.liked)
        self.repeated += found.repeated

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum."""
        return Counts(self.by_day + other.by_day, self.liked + other.liked, self.repeated + other.repeated)


@dataclass(frozen=True)
class Census:
    """What every worker knows: the plan, the vocabularies, what could be drawn, and how known an item was.

    `known_by` int32 [n_items, days + 1]: events of an item before the day with that number began. `popularity` int64
    [n_items] or empty and `proposal` float64 [n_items] as in `dataset.negatives`.
    """

    plan: Plan
    names: Vocabularies
    known_by: NDArray[np.int32]
    popularity: NDArray[np.int64]
    proposal: NDArray[np.float64]

    @staticmethod
    def of(plan: Plan, names: Vocabularies, counts: Counts) -> "Census":
        """Return the census of all events' counts, whose memory it takes over."""
        n_items, part = len(names.items), plan.popularity_share
        popularity = cumulative_popularity(counts.liked) if part else np.empty(0, np.int64)
        known_by = np.cumsum(counts.by_day, axis=1, dtype=np.int32, out=counts.by_day)
        return Census(plan, names, known_by, popularity, proposals(popularity, part, n_items))

    @property
    def ratio(self) -> int:
        """Negatives per liking event."""
        return self.plan.negatives(len(self.names.items))


@numba.njit(cache=True, nogil=True)
def _count(events, start, day, by_day, liked):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for row in range(len(events)):
        event = events[row]
        if event.time < start:
            by_day[event.item, 0] += 1
        else:
            by_day[event.item, (event.time - start) // day + 1] += 1
            if event.weight > 0:
                liked[event.item] += 1
