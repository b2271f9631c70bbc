"""The engine for one machine: events through a folder of scratch files, so that memory stays flat at any size.

    names      one pass over the files: who and what there is
    scatter    another: events as numbers, dealt to parts by user
    settle     part by part: each id once, what was met, and what remains dealt to shards by lot
    write      shard by shard: rows, shuffled

Owns the order of the steps and the scratch folder. What a row is, it takes from the other modules.
"""

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.draws import mix
from coldframe.shards.census import Census, Counts, Names
from coldframe.shards.encoded import EVENT, Events, Vocabularies, dealt
from coldframe.shards.examples import Met, examples, masses
from coldframe.shards.plan import Plan
from coldframe.shards.settle import Settled, settle
from coldframe.shards.source import Read, batches
from coldframe.shards.writing import Shard, Sink, disk_errors

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with (step, done, in all)."""
EVENTS_PER_PART = 500_000
"""About how many events a part holds: what a thread has in memory at a time."""
ROWS_PER_SHARD = 1_000_000
"""About how many rows a shard holds."""
SALT = np.uint64(0x5851F42D4C957F2D)
"""Tells the lot that deals events to shards from all other draws of a seed."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did: rows read, rejected by reason, events told again, what was written, seconds by step."""

    engine: str
    read: int
    rejected: dict[str, int]
    repeated: int
    users: int
    items: int
    rows: int
    missing_negatives: int
    fingerprint: str
    seconds: dict[str, float]


def run_local(files: Sequence[Path], sink: Sink, plan: Plan, *, threads: int, progress: Progress) -> Report:
    """Return what a run did, its rows published in the sink.

    Raises `InputError` or `ColumnError` for a file that cannot be read, `DataError` without an event, `StoreError` when
    the disk refuses; nothing is published then.
    """
    sink.open()
    watch = _Watch(progress)
    with _scratch(sink.folder) as folder, ThreadPoolExecutor(threads) as pool:
        names = Names()
        watch.step("names", pool.map(lambda path: _name(path, plan, names), files), len(files))
        vocabularies = names.vocabularies()
        parts = _Parts.of(folder, "part", names.n_events, EVENTS_PER_PART)
        scattered = pool.map(lambda path: _scatter(path, vocabularies, plan, parts), files)
        read = Read()
        for one in watch.step("scatter", scattered, len(files)):
            read.add(one)
        per_event = 1 + plan.negatives(len(vocabularies.items))
        shards = _Parts.of(folder, "shard", sum(parts.sizes) * per_event, ROWS_PER_SHARD)
        settling = _Settling(vocabularies, plan, parts, shards, folder)
        watch.step("settle", pool.map(settling.part, range(len(parts))), len(parts))
        census, met = settling.census(), settling.met
        met = met._replace(mass=masses(*met[:3], census))
        writing = pool.map(lambda number: _write(number, shards, met, census, sink), range(len(shards)))
        made = watch.step("write", writing, len(shards))
        report = Report(
            engine="local",
            read=read.rows,
            rejected=dict(read.rejected),
            repeated=settling.repeated,
            users=len(vocabularies.users),
            items=len(vocabularies.items),
            rows=sum(shard.rows for shard, _ in made),
            missing_negatives=sum(missing for _, missing in made),
            fingerprint=f"{sum(shard.fingerprint for shard, _ in made) % 2**64:016x}",
            seconds=watch.seconds,
        )
        facts = {"plan": plan.as_dict(), "ratio": census.ratio, "read": report.read, "rejected": report.rejected}
        facts |= {"repeated": report.repeated, "users": report.users, "items": report.items}
        sink.publish(vocabularies, facts, [shard for shard, _ in made])
    return report


def _name(path: Path, plan: Plan, names: Names) -> None:
    for batch in batches(path, as_of=plan.as_of, read=Read(), keys=False):
        names.add(batch)


class _Parts:
    """Files of events in the scratch folder, which several threads add to."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths, self._locks = paths, [Lock() for _ in paths]
        self.sizes = [0] * len(paths)

    @staticmethod
    def of(folder: Path, kind: str, n_events: int, each: int) -> "_Parts":
        """Return as many parts as n events need."""
        return _Parts([folder / f"{kind}-{number}" for number in range(max(1, round(n_events / each)))])

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, number: int, events: Events) -> None:
        """Put events at the end of a part."""
        if not len(events):
            return
        with self._locks[number], disk_errors(self._paths[number]), self._paths[number].open("ab") as file:
            file.write(events.tobytes())
            self.sizes[number] += len(events)

    def take(self, number: int) -> Events:
        """Return a part's events, and forget them."""
        path = self._paths[number]
        if not path.exists():
            return np.zeros(0, EVENT)
        events = np.fromfile(path, EVENT)
        path.unlink()
        return events


def _scatter(path: Path, names: Vocabularies, plan: Plan, parts: _Parts) -> Read:
    """Deal a file's events to the parts of their users, and return what was read."""
    read, n_users = Read(), len(names.users)
    for batch in batches(path, as_of=plan.as_of, read=read):
        events = names.encode(batch, plan)
        part = (events["user"].astype(np.int64) * len(parts) // n_users).astype(np.int32)
        for number, own in enumerate(dealt(events, part, len(parts))):
            parts.add(number, own)
    return read


class _Settling:
    """Parts in, shards and counts out; what users met goes to one file that is mapped."""

    def __init__(self, names: Vocabularies, plan: Plan, parts: _Parts, shards: _Parts, folder: Path) -> None:
        self._names, self._plan, self._parts, self._shards = names, plan, parts, shards
        self._counts, self._lock = Counts.none(len(names.items), plan), Lock()
        self._room = np.concatenate([[0], np.cumsum(parts.sizes)])
        items = np.memmap(folder / "met", np.int32, "w+", shape=max(1, int(self._room[-1])))
        n_users = len(names.users)
        self.met = Met(items, np.zeros(n_users, np.int64), np.zeros(n_users, np.int64), np.zeros(0))
        self.repeated = 0

    def part(self, number: int) -> None:
        """Settle the users of one part."""
        first, last = (-(-edge * len(self._names.users) // len(self._parts)) for edge in (number, number + 1))
        found = settle(self._parts.take(number), first, last - first)
        here, users = self._room[number], slice(first, last)
        self.met.items[here : here + len(found.met)] = found.met
        self.met.start[users] = here + np.cumsum(found.n_met) - found.n_met
        self.met.size[users] = found.n_met
        with self._lock:
            self._counts.add(found.events, self._plan)
            self.repeated += found.repeated
        self._deal(found)

    def _deal(self, found: Settled) -> None:
        worth = found.events[found.events["weight"] != 0]
        for number, own in enumerate(dealt(worth, lots(worth, self._plan.seed, len(self._shards)), len(self._shards))):
            self._shards.add(number, own)

    def census(self) -> Census:
        """Return what is known once every part is settled."""
        return Census.of(self._plan, self._names, self._counts)


def lots(events: Events, seed: int, n_shards: int) -> NDArray[np.int32]:
    """Return which shard each event's rows go to, int32 [n]: by lot, from its key and the seed alone."""
    bits = mix(events["key"] ^ mix(np.array([seed % 2**64], np.uint64) ^ SALT))
    return ((bits >> np.uint64(32)) * np.uint64(n_shards) >> np.uint64(32)).astype(np.int32)


def _write(number: int, shards: _Parts, met: Met, census: Census, sink: Sink) -> tuple[Shard, int]:
    """Write one shard; the order that its events arrived in leaves no trace."""
    events = shards.take(number)
    events = events[np.lexsort((events["user"], events["key"]))]
    rows, missing = examples(events, met, census)
    return sink.write(number, len(shards), rows, census.plan.seed), missing


@contextmanager
def _scratch(folder: Path) -> Generator[Path]:
    """Yield a folder for intermediate files beside the result, gone afterwards, as are those of a killed run."""
    for left in folder.glob(".scratch-*"):
        shutil.rmtree(left, ignore_errors=True)
    with disk_errors(folder):
        path = Path(tempfile.mkdtemp(prefix=".scratch-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class _Watch:
    """Progress and seconds of each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self.seconds = progress, dict[str, float]()

    def step(self, name: str, work: Iterable[T], n: int) -> list[T]:
        """Return all that a step yields, telling how far it is."""
        started, done = perf_counter(), list[Any]()
        self._progress(name, 0, n)
        for one in work:
            done.append(one)
            self._progress(name, len(done), n)
        self.seconds[name] = round(perf_counter() - started, 3)
        return done
