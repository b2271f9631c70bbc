"""The engine for one machine: events through a folder of scratch files, so that memory stays flat at any size.

    names      one pass over the files: who and what there is
    scatter    another: events as numbers, dealt to parts by user
    settle     part by part: each id once, what was met, and what remains dealt to shards by lot
    write      shard by shard: rows, shuffled

Owns the order of the steps and the scratch folder. What a row is, it takes from the other modules.
"""

import mmap
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np

from coldframe.shards.census import Census, Counts, Names
from coldframe.shards.dealing import USUAL, Sizes, by_lot, by_user, users_of
from coldframe.shards.encoded import EVENT, Events, Vocabularies
from coldframe.shards.examples import Examples, Met, examples, masses
from coldframe.shards.plan import Plan
from coldframe.shards.report import Made, Progress, Report, Watch, published
from coldframe.shards.rows import ROW
from coldframe.shards.settle import settle
from coldframe.shards.source import Read, batches
from coldframe.shards.writing import Sink, disk_errors


def run_local(
    files: Sequence[Path], sink: Sink, plan: Plan, *, threads: int, progress: Progress, sizes: Sizes = USUAL
) -> Report:
    """Return what a run did, its rows published in the sink.

    Raises `InputError` or `ColumnError` for a file that cannot be read, `DataError` without an event, `StoreError` when
    the disk refuses; nothing is published then.
    """
    sink.open()
    watch = Watch(progress)
    with scratch(sink.folder) as folder, ThreadPoolExecutor(threads) as pool:
        names = Names()
        for found in watch.steps("names", pool.map(lambda path: Names.of(path, plan), files), len(files)):
            names.take(found)
        vocabularies = names.vocabularies()
        parts = _Parts.of(folder, "part", sizes.parts(names.n))
        scattered = pool.map(lambda path: _scatter(path, vocabularies, plan, parts), files)
        watch.step("scatter", scattered, len(files))
        shards = _Parts.of(folder, "shard", sizes.shards(names.n, plan.negatives(len(vocabularies.items))))
        settling = _Settling(vocabularies, plan, parts, shards, folder)
        watch.step("settle", pool.map(settling.part, range(len(parts))), len(parts))
        census, met = Census.of(plan, vocabularies, settling.counts), settling.met
        met = met._replace(mass=masses(*met[:3], census))
        writing = pool.map(
            lambda number: _write(number, shards, settling.memory, met, census, sink), range(len(shards))
        )
        made = watch.step("write", writing, len(shards))
        repeated = settling.counts.repeated
        return published(sink, census, names.read, repeated, made, engine="local", seconds=watch.seconds)


class _Parts:
    """Files of events in the scratch folder, which several threads add to: in blocks, each of some source."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths, self._locks = paths, [Lock() for _ in paths]
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in paths]

    @staticmethod
    def of(folder: Path, kind: str, n: int) -> "_Parts":
        """Return n empty parts."""
        return _Parts([folder / f"{kind}-{number}" for number in range(n)])

    def __len__(self) -> int:
        return len(self._paths)

    def n_events(self, number: int) -> int:
        """Return how many events a part holds."""
        return sum(n for _, n in self._blocks[number])

    def add(self, number: int, events: Events, source: int) -> None:
        """Put events of a source at the end of a part."""
        if not len(events):
            return
        with self._locks[number], disk_errors(self._paths[number]), self._paths[number].open("ab") as file:
            file.write(events.tobytes())
            self._blocks[number].append((source, len(events)))

    def take(self, number: int) -> Events:
        """Return a part's events in order of their source, and forget them."""
        path, blocks = self._paths[number], self._blocks[number]
        if not blocks:
            return np.zeros(0, EVENT)
        events, ends = np.fromfile(path, EVENT), np.cumsum([n for _, n in blocks])
        path.unlink()
        pieces = np.split(events, ends[:-1])
        return np.concatenate([pieces[place] for place in np.argsort([source for source, _ in blocks], kind="stable")])


def _scatter(path: Path, names: Vocabularies, plan: Plan, parts: _Parts) -> None:
    """Deal a file's events to the parts of their users."""
    for batch in batches(path, **plan.reading, read=Read()):
        for number, own in enumerate(by_user(names.encode(batch, plan), len(names.users), len(parts))):
            parts.add(number, own, 0)


class _Settling:
    """Parts in, shards and counts out; what users met goes to one file, mapped as `memory`."""

    def __init__(self, names: Vocabularies, plan: Plan, parts: _Parts, shards: _Parts, folder: Path) -> None:
        self._names, self._plan, self._parts, self._shards = names, plan, parts, shards
        self.counts, self._lock = Counts.none(len(names.items), plan), Lock()
        self._room = np.concatenate([[0], np.cumsum([parts.n_events(number) for number in range(len(parts))])])
        self.memory = _mapped(folder / "met", max(1, int(self._room[-1])) * np.dtype(np.int32).itemsize)
        n_users = len(names.users)
        self.met = Met(
            np.frombuffer(self.memory, np.int32), np.zeros(n_users, np.int64), np.zeros(n_users, np.int64), np.zeros(0)
        )

    def part(self, number: int) -> None:
        """Settle the users of one part."""
        first, last = users_of(number, len(self._names.users), len(self._parts))
        found = settle(self._parts.take(number), first, last - first)
        here, users = self._room[number], slice(first, last)
        self.met.items[here : here + len(found.met)] = found.met
        self.met.start[users] = here + np.cumsum(found.n_met) - found.n_met
        self.met.size[users] = found.n_met
        self.memory.madvise(mmap.MADV_DONTNEED)
        with self._lock:
            self.counts.add(found, self._plan)
        for shard, own in enumerate(by_lot(found.events, self._plan.seed, len(self._shards))):
            self._shards.add(shard, own, number)


EVENTS_AT_ONCE = 1 << 16
"""Events of a shard, which are in order of user, that are made rows before the lists of their users are let go."""


def _write(number: int, shards: _Parts, memory: mmap.mmap, met: Met, census: Census, sink: Sink) -> Made:
    """Write one shard: the events of its parts one after the other, each part's in order of user and time.

    What stays mapped of the lists is what those events need: the system keeps the rest in its own memory as it can.
    """
    events, found = shards.take(number), list[Examples]()
    for start in range(0, len(events), EVENTS_AT_ONCE):
        found.append(examples(events[start : start + EVENTS_AT_ONCE], met, census))
        memory.madvise(mmap.MADV_DONTNEED)
    rows = np.concatenate([np.zeros(0, ROW), *(one.rows for one in found)])
    missing = sum(one.missing for one in found)
    found.clear()
    return sink.write(number, len(shards), rows, census.plan.seed), missing


def _mapped(path: Path, size: int) -> mmap.mmap:
    """Return a new file of zeros as memory. Raises `StoreError` when the disk refuses."""
    with disk_errors(path), path.open("w+b") as file:
        os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and would be a signal later
        return mmap.mmap(file.fileno(), size)


@contextmanager
def scratch(folder: Path) -> Generator[Path]:
    """Yield a folder for intermediate files beside the result, gone afterwards, as are those of a killed run."""
    for left in folder.glob(".scratch-*"):
        shutil.rmtree(left, ignore_errors=True)
    with disk_errors(folder):
        path = Path(tempfile.mkdtemp(prefix=".scratch-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
