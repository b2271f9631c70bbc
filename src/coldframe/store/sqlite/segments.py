"""Sealed events: immutable Parquet files, each by (timestamp, event_id), scanned as one table.

Owns the files in `segments/` and the order of a scan. Which files count is written in the table `segments`;
one that is not recorded there does not exist.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import polars as pl

from coldframe import disk
from coldframe.errors import StoreError
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.store.sqlite.live import moment

ORDER = ["timestamp", "event_id"]
HELD_FILES = 256
"""Most files that one scan holds open: a process may open about a thousand. A frame over more reads them by name, and
one made just before an erasure fails with `FileNotFoundError`; then scan again."""
SERIAL = "serial"
"""Column of a file beside the event's own: in which order events were accepted."""
GROUP_ROWS = 65_536
"""Rows a Parquet row group: a scan of a window skips the groups outside it."""
LEVEL = 1
"""Of zstd: ids hardly compress, and a higher one takes twice the time for the same bytes."""


@dataclass(frozen=True)
class Segment:
    """One Parquet file as recorded: `first` and `last` are the timestamps of its ends in microseconds.

    `serial` is that of all its events, where they were accepted at once; else each row has its own.
    """

    name: str
    run: str
    rows: int
    first: int
    last: int
    bytes: int
    sha256: str
    source: str = ""
    serial: int | None = None


_COLUMNS = ", ".join(field.name for field in fields(Segment))


@dataclass(frozen=True)
class Part:
    """Events in order of a scan, and the timestamps of its ends in microseconds."""

    first: int
    last: int
    events: pl.LazyFrame


class Segments:
    """The Parquet files of one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified: set[str] = set()

    def write(self, events: pl.DataFrame, *, source: str) -> Segment:
        """Write a file of events in `ORDER`, with their serials where they have them, durably, named after what is in
        it; the caller holds the lock and records it.
        """
        events = events.select([*EVENT_COLUMNS, *({SERIAL} & {*events.columns})])
        beside = self.folder / ".new"
        events.write_parquet(beside, compression="zstd", compression_level=LEVEL, row_group_size=GROUP_ROWS)
        disk.sync(beside)
        digest = _sha256(beside)
        times = events["timestamp"].to_physical()
        first, last = times[0], times[-1]
        name = f"{moment(first):%Y-%m-%d}_{moment(last):%Y-%m-%d}_{digest[:16]}"
        size = beside.stat().st_size
        disk.put_in_place(beside, self.path(name))
        return Segment(name, name, events.height, first, last, size, digest, source)

    def path(self, name: str) -> Path:
        """Return where a segment lies."""
        return self.folder / f"{name}.parquet"

    def discard(self, name: str) -> None:
        """Remove a file that was never recorded."""
        disk.remove(self.path(name))

    def scan(self, segment: Segment, *, held: bool = True) -> pl.LazyFrame:
        """Return a segment's events. Raises `StoreError` when the file is not the one that was sealed.

        The frame holds the file open, unless told not to, so that it stays readable when an erasure replaces it.
        """
        return self._opened(segment, held).select(list(EVENT_COLUMNS))

    def numbered(self, segment: Segment) -> pl.LazyFrame:
        """Return the same with each event's serial; 0 for those that were sealed before there were any."""
        events = self._opened(segment, held=True)
        if segment.serial is None and SERIAL in events.collect_schema():
            return events
        return events.with_columns(pl.lit(segment.serial or 0, pl.Int64).alias(SERIAL))

    def _opened(self, segment: Segment, held: bool) -> pl.LazyFrame:
        if segment.name not in self._verified:
            self._verify(segment)
            self._verified.add(segment.name)
        if not held:
            return pl.scan_parquet(self.path(segment.name))
        with self.path(segment.name).open("rb") as file:
            return pl.scan_parquet(file)

    def _verify(self, segment: Segment) -> None:
        path = self.path(segment.name)
        if not path.is_file() or path.stat().st_size != segment.bytes or _sha256(path) != segment.sha256:
            raise StoreError(
                f"The sealed events in {path} are missing or changed since they were written.",
                remedy="Restore that file from a backup.",
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded(connection: sqlite3.Connection, start: int, end: int) -> list[Segment]:
    """Return the segments that may hold a timestamp t with start ≤ t < end."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM segments WHERE last >= ? AND first < ?", (start, end))  # noqa: S608
    return [Segment(*row) for row in rows]


def of_runs(connection: sqlite3.Connection, runs: Iterable[str]) -> list[Segment]:
    """Return the segments that these runs cover."""
    query = f"SELECT {_COLUMNS} FROM segments WHERE run = ?"  # noqa: S608
    return [Segment(*row) for run in runs for row in connection.execute(query, (run,))]


def record(connection: sqlite3.Connection, segment: Segment) -> None:
    """Make a segment part of the store."""
    values = astuple(segment)
    connection.execute(f"INSERT INTO segments ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608


def in_order(parts: Sequence[Part], start: int, end: int) -> pl.LazyFrame:
    """Return the events with start ≤ timestamp < end as one table by (timestamp, event_id).

    Only parts that overlap in time are sorted again.
    """
    groups: list[list[Part]] = []
    last = -1
    for part in sorted(parts, key=lambda part: part.first):
        if groups and part.first <= last:
            groups[-1].append(part)
        else:
            groups.append([part])
        last = max(last, part.last)
    if not groups:
        return pl.LazyFrame(schema=EVENT_COLUMNS)
    within = pl.col("timestamp").is_between(pl.lit(moment(start)), pl.lit(moment(end)), closed="left")
    return pl.concat([_merged([part.events.filter(within) for part in group]) for group in groups])


def _merged(events: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    return events[0] if len(events) == 1 else pl.concat(events).sort(ORDER)
