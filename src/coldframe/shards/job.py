"""What workers do, step by step, from bytes to bytes: the same for every engine of many machines.

    names      a file → who and what it names
    scattered  a file → events as numbers, by part of the users
    settled    a part → each id once, and what was met
    counted    a part → how often each item was met, by day
    dealt      a part → rows, by shard
    written    a shard → a file of rows, shuffled

Each step is a function of what it is given alone, so that it can be done anywhere, twice, or by two workers at once.
Owns the steps. Which worker does them, and how bytes get there, is the engine's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path

import msgspec
import numpy as np

from coldframe.shards.census import Census, Counts, Names
from coldframe.shards.dealing import USUAL, Sizes, by_lot, by_user, users_of
from coldframe.shards.encoded import EVENT, Vocabularies
from coldframe.shards.examples import Met, examples
from coldframe.shards.plan import Plan
from coldframe.shards.report import Made, Report, published
from coldframe.shards.rows import ROW
from coldframe.shards.settle import Settled, settle
from coldframe.shards.source import Read, batches
from coldframe.shards.wire import (
    bytes_of_events,
    counts_packed,
    counts_unpacked,
    events_of_bytes,
    names_packed,
    names_unpacked,
    numbers,
    packed,
    telling,
    unpacked,
)
from coldframe.shards.writing import Sink

Numbered = tuple[int, bytes]
"""The number of a part or of a shard, and what is said of it."""


@dataclass(frozen=True)
class Job:
    """What every worker is told before it starts. The sink's folder and the files lie where all workers see them.

    `names` and `counts` in its steps are those of all files and of all parts, packed.
    """

    sink: Sink
    plan: Plan
    sizes: Sizes = USUAL

    def names(self, path: str) -> bytes:
        """Return the names in a file. Raises `Told` for a file that cannot be read."""
        with telling():
            return names_packed(Names.of(Path(path), self.plan))

    def scattered(self, path: str, names: bytes) -> Iterator[Numbered]:
        """Yield a file's events, by part. Raises `Told` for a file that cannot be read."""
        with telling():
            known, n_parts = _known(names), self.sizes.parts(self.n_events(names))
            for batch in batches(Path(path), **self.plan.reading, read=Read()):
                events = known.encode(batch, self.plan)
                for part, own in enumerate(by_user(events, len(known.users), n_parts)):
                    if len(own):
                        yield part, packed(events=bytes_of_events(own))

    def settled(self, part: tuple[int, Iterable[bytes]], names: bytes) -> Numbered:
        """Return a part's events, settled."""
        number, pieces = part
        n_users, n_parts = len(_known(names).users), self.sizes.parts(self.n_events(names))
        first, last = users_of(number, n_users, n_parts)
        events = np.concatenate([events_of_bytes(numbers(piece)["events"]) for piece in pieces])
        found = settle(events, first, last - first)
        repeated = np.array([found.repeated])
        return number, packed(events=bytes_of_events(found.events), met=found.met, n_met=found.n_met, repeated=repeated)

    def counted(self, part: Numbered, names: bytes) -> bytes:
        """Return the counts of a settled part."""
        counts = Counts.none(len(_known(names).items), self.plan)
        counts.add(_settled(part[1]), self.plan)
        return counts_packed(counts)

    def dealt(self, part: Numbered, names: bytes, counts: bytes) -> Iterator[Numbered]:
        """Yield the rows of a settled part, by shard."""
        census, found = _census(self.plan, names, counts), _settled(part[1])
        first, _ = users_of(part[0], len(census.names.users), self.sizes.parts(self.n_events(names)))
        met = Met.of(found.met, found.n_met, census, first)
        for shard, own in enumerate(by_lot(found.events, self.plan.seed, self.n_shards(names))):
            if len(own):
                made = examples(own, met, census)
                facts = np.array([part[0], made.missing])
                yield shard, packed(rows=made.rows.view(np.uint8), facts=facts)

    def empty(self, names: bytes) -> Iterator[Numbered]:
        """Yield no row for each shard: a shard that gets none is written, too."""
        nothing = packed(rows=np.empty(0, np.uint8), facts=np.zeros(2, np.int64))
        for shard in range(self.n_shards(names)):
            yield shard, nothing

    def written(self, shard: tuple[int, Iterable[bytes]], names: bytes) -> bytes:
        """Write a shard, its parts one after the other in whatever order they arrived.

        Raises `Told` when the disk refuses.
        """
        number, pieces = shard
        found = sorted((numbers(piece) for piece in pieces), key=lambda piece: int(piece["facts"][0]))
        rows = np.concatenate([piece["rows"] for piece in found]).view(ROW)
        missing = sum(int(piece["facts"][1]) for piece in found)
        with telling():
            made = self.sink.write(number, self.n_shards(names), rows, self.plan.seed)
        return msgspec.json.encode((made, missing))

    def n_shards(self, names: bytes) -> int:
        """Return how many shards there are."""
        return self.sizes.shards(self.n_events(names), self.plan.negatives(len(_known(names).items)))

    @staticmethod
    def n_events(names: bytes) -> int:
        """Return how many events there are, those told again too."""
        return unpacked(names)["facts"][0].as_py()

    def published(
        self, names: bytes, counts: bytes, written: Iterable[bytes], *, engine: str, seconds: dict[str, float]
    ) -> Report:
        """Publish what workers wrote. Raises `StoreError` when the disk refuses."""
        made = sorted((msgspec.json.decode(one, type=Made) for one in written), key=lambda one: one[0].name)
        census, repeated = _census(self.plan, names, counts), counts_unpacked(counts).repeated
        read = names_unpacked(names).read
        return published(self.sink, census, read, repeated, made, engine=engine, seconds=seconds)


def all_names(parts: Iterable[bytes]) -> bytes:
    """Return the names of several files in one."""
    return names_packed(Names.all(names_unpacked(part) for part in parts))


def with_an_event(names: bytes) -> bytes:
    """Return the names of all files. Raises `Told` when there is no event."""
    with telling():
        _known(names)
    return names


def all_counts(parts: Iterable[bytes]) -> bytes:
    """Return the sum of several parts' counts."""
    return counts_packed(reduce(Counts.plus, map(counts_unpacked, parts)))


@lru_cache(maxsize=1)
def _known(names: bytes) -> Vocabularies:
    """Made once in each worker, not once for each part."""
    return names_unpacked(names).vocabularies()


@lru_cache(maxsize=1)
def _census(plan: Plan, names: bytes, counts: bytes) -> Census:
    return Census.of(plan, _known(names), counts_unpacked(counts))


def _settled(data: bytes) -> Settled:
    found = numbers(data)
    return Settled(found["events"].view(EVENT), found["met"], found["n_met"], int(found["repeated"][0]))
