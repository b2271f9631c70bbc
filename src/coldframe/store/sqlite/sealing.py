"""Moving events into segments: imports and seals.

Owns the order that makes each all or nothing: files are written beside, fsynced and named; one transaction then
records them. Whoever seals holds the lock file; live events may arrive meanwhile, also from other processes.
"""

import logging
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from coldframe import disk
from coldframe.clock import Clock
from coldframe.errors import StoreError
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.hashing import Digests, among, column_digests, digests, order
from coldframe.store.protocol import ImportReport, Progress
from coldframe.store.sqlite import live, runs, segments
from coldframe.store.sqlite.connections import Readers
from coldframe.store.sqlite.erasing import Erasing
from coldframe.store.sqlite.failures import medium
from coldframe.store.sqlite.housekeeping import Housekeeping
from coldframe.store.sqlite.index import Index, known
from coldframe.store.sqlite.ledger import note_arrivals
from coldframe.store.sqlite.runs import Run
from coldframe.store.sqlite.segments import ORDER, Segment, Segments
from coldframe.store.sqlite.writer import Writer

IMPORT_ROWS = 1_000_000
"""Rows a segment of an import; a few hundred bytes of memory each."""
SEAL_ROWS = 100_000
"""Rows a segment of a seal; deleting them from the live events holds up writers for a fraction of a second."""
DAY_MICROS = 86_400_000_000
_LOG = logging.getLogger(__name__)


class Sealing:
    """Imports and seals of one store."""

    def __init__(
        self, lock: Path, readers: Readers, writer: Writer, files: Segments, index: Index, clock: Clock
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._readers = readers
        self._writer = writer
        self._segments = files
        self._index = index
        self._housekeeping = Housekeeping(readers, writer, files, index)
        self._erasing = Erasing(
            lock.with_name("store.sqlite"), readers, writer, files, index, self._housekeeping, clock
        )

    def tidy(self) -> None:
        """Put right what a crash left behind, unless somebody is sealing at this moment.

        An erasure that cannot be finished now is logged; what it hides stays hidden, and the next seal tries again.
        """
        with medium("lock", self._lock), disk.locked(self._lock, wait=False) as alone:
            if alone:
                self._housekeeping.sweep()
                self._housekeeping.restore_runs()
                try:
                    self._erasing.resume()
                except StoreError as error:
                    _LOG.error("An erasure is not finished: %s", error)

    def erase(self) -> None:
        """Finish every erasure that has begun, once nobody else seals. Raises `StoreError`."""
        with self._alone():
            pass

    def import_events(self, frames: Iterable[pl.DataFrame], source: str, progress: Progress | None) -> ImportReport:
        """Seal all rows whose id is new, in segments recorded at once. Raises `StoreError`."""
        started, rows = perf_counter(), 0
        with self._alone():
            with self._readers.reading("read the event ids") as connection:
                seq, taken = live.newest_seq(connection), np.sort(digests(live.ids_after(connection, 0)))
                sealed = self._index.runs(connection)
            new: list[Segment] = []
            for chunk in _chunks(frames, progress):
                rows += chunk.height
                with medium("seal events", self._segments.folder):
                    fresh, ids = _unknown(chunk, [*sealed, *self._runs_of(new)], taken)
                    new += self._written(fresh, ids, source)
            accepted = sum(segment.rows for segment in self._publish_import(new, seq))
        return ImportReport(
            kind="events", accepted=accepted, repeated=rows - accepted, seconds=perf_counter() - started
        )

    def seal(self, before: datetime) -> int:
        """Move live events of whole days that ended by `before`, a segment at a time. Raises `StoreError`."""
        end = live.micros(before) // DAY_MICROS * DAY_MICROS
        moved = 0
        with self._alone():
            with self._readers.reading("read live events") as connection:
                newest = live.newest_seq(connection)
            while True:
                with self._readers.reading("read live events") as connection:
                    seqs, events = live.oldest(connection, end, newest, SEAL_ROWS)
                if not seqs:
                    return moved
                with medium("seal events", self._segments.folder):
                    new = self._written(events, np.sort(column_digests(events["event_id"])), "")
                self._writer.write(partial(self._replace_live, new, seqs))
                moved += len(seqs)

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Hold the lock, and leave no file that is not recorded, whatever happens inside."""
        with ExitStack() as stack:
            with medium("lock", self._lock):
                stack.enter_context(disk.locked(self._lock))
            try:
                self._housekeeping.sweep()
                self._erasing.resume()
                self._housekeeping.merge_runs()
                yield
            except BaseException:
                with suppress(StoreError):
                    self._housekeeping.sweep()
                raise

    def _written(self, events: pl.DataFrame, ids: Digests, source: str) -> list[Segment]:
        """Write one segment and its run, or none for no events."""
        if events.is_empty():
            return []
        events = events.sort(ORDER)
        segment = self._segments.write(events, source=source)
        runs.write(self._index.folder, segment.run, events, ids)
        return [segment]

    def _runs_of(self, new: Iterable[Segment]) -> list[Run]:
        return [Run(self._index.folder / segment.run) for segment in new]

    def _publish_import(self, new: list[Segment], seq: int) -> list[Segment]:
        """Record segments, less the events that became live since `seq`; return what was recorded."""
        while late := self._writer.write(partial(self._record_import, new, seq)):
            with medium("seal events", self._segments.folder):
                new = [kept for segment in new for kept in self._without(segment, late)]
        return new

    def _record_import(
        self, new: Sequence[Segment], seq: int, connection: sqlite3.Connection, _sealed: set[str]
    ) -> list[str]:
        """Record segments unless events in them became live after `seq`: return those ids."""
        arrived = live.ids_after(connection, seq)
        late = np.flatnonzero(known(self._runs_of(new), digests(arrived)))
        if len(late) == 0:
            serial = live.next_seq(connection)
            self._record(connection, [replace(segment, serial=serial) for segment in new])
            note_arrivals(connection, self._clock(), sum(segment.rows for segment in new))
        return [arrived[place] for place in late]

    def _without(self, segment: Segment, late: Sequence[str]) -> list[Segment]:
        """Write a segment again without some of its events."""
        events = self._segments.scan(segment).filter(~pl.col("event_id").is_in(late)).collect()
        if events.height == segment.rows:
            return [segment]
        return self._written(events, np.sort(column_digests(events["event_id"])), segment.source)

    def _replace_live(
        self, new: Sequence[Segment], seqs: Sequence[int], connection: sqlite3.Connection, _sealed: set[str]
    ) -> None:
        self._record(connection, new)
        live.delete(connection, seqs)

    def _record(self, connection: sqlite3.Connection, new: Sequence[Segment]) -> None:
        """Make segments and their runs part of the store. Their files must still be there: an interrupted caller
        sweeps them away while its job waits.
        """
        for segment in new:
            if not (self._segments.path(segment.name).is_file() and (self._index.folder / segment.run).is_dir()):
                raise StoreError(f"The segment {segment.name} was given up.", remedy="Try again.")
            segments.record(connection, segment)
            connection.execute("INSERT INTO runs VALUES (?, ?)", (segment.run, segment.rows))


def _unknown(chunk: pl.DataFrame, sealed: Sequence[Run], taken: Digests) -> tuple[pl.DataFrame, Digests]:
    """Return the rows whose id is new, the first of each id, and the sorted hashes of those ids."""
    hashes = column_digests(chunk["event_id"])
    places = order(hashes)
    ids = hashes[places]
    new = ~(known(sealed, ids) | among(taken, ids))
    new[1:] &= ids[1:] != ids[:-1]
    kept = np.zeros(len(ids), dtype=bool)
    kept[places[new]] = True
    return chunk.filter(pl.Series(kept)), ids[new]


def _chunks(frames: Iterable[pl.DataFrame], progress: Progress | None) -> Iterator[pl.DataFrame]:
    """Yield the rows of many frames in frames of about `IMPORT_ROWS`."""
    waiting: list[pl.DataFrame] = []
    done = 0
    for frame in frames:
        columns = frame.select(pl.col(name).cast(kind) for name, kind in EVENT_COLUMNS.items())
        for piece in columns.iter_slices(IMPORT_ROWS):
            waiting.append(piece)
            if sum(each.height for each in waiting) >= IMPORT_ROWS:
                yield pl.concat(waiting)
                waiting.clear()
        done += frame.height
        if progress is not None:
            progress(done, None)
    if waiting:
        yield pl.concat(waiting)
