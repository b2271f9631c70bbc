"""Keeping the folders as the tables say: leftovers removed, runs few, lost runs made again.

Owns no event: all it removes is recorded nowhere, and all it writes can be made from segments. Its caller holds the
lock file.
"""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from coldframe import disk
from coldframe.hashing import Digests, column_digests
from coldframe.store.sqlite import runs, segments
from coldframe.store.sqlite.connections import Readers
from coldframe.store.sqlite.failures import medium
from coldframe.store.sqlite.index import Index
from coldframe.store.sqlite.runs import Run
from coldframe.store.sqlite.segments import Segments
from coldframe.store.sqlite.writer import Writer

FAN = 8
"""Runs of about one size (within a factor of 8) that are merged into one."""
MERGED_ROWS = 2_000_000
"""Rows of the largest run that merging makes: bounds its memory to about a gigabyte."""


class Housekeeping:
    """Tidies the folders of one store."""

    def __init__(self, readers: Readers, writer: Writer, files: Segments, index: Index) -> None:
        self._readers = readers
        self._writer = writer
        self._segments = files
        self._index = index

    def sweep(self) -> None:
        """Remove files that are not recorded: a crash or a failure left them, or a merge made them needless.

        It happens inside a write transaction, so that nothing is recorded between looking and removing.
        """
        self._writer.write(self._sweep)

    def _sweep(self, connection: sqlite3.Connection, _sealed: set[str]) -> None:
        names = connection.execute("SELECT name FROM segments").fetchall()
        disk.sweep(self._segments.folder, {self._segments.path(name).name for (name,) in names})
        disk.sweep(self._index.folder, {name for (name,) in connection.execute("SELECT name FROM runs")})

    def restore_runs(self) -> None:
        """Make runs again that are recorded and not there, such as after a restore without `index/`."""
        with self._readers.reading("read the list of runs") as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM runs")]
        for name in names:
            if not (self._index.folder / name).is_dir():
                with medium("restore the index", self._index.folder):
                    events = self._events([name])
                    runs.write(self._index.folder, name, events, np.sort(column_digests(events["event_id"])))

    def merge_runs(self) -> None:
        """Merge runs until there are fewer than `FAN` of any size that may still grow."""
        while names := self._mergeable():
            with medium("merge the index", self._index.folder):
                into = hashlib.sha256("/".join(names).encode()).hexdigest()[:32]
                runs.write(self._index.folder, into, self._events(names), self._ids(names))
            self._writer.write(partial(_record_merge, into, names))

    def _mergeable(self) -> list[str]:
        """Return the names of runs to merge next, or none."""
        by_size: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
        with self._readers.reading("read the list of runs") as connection:
            for name, rows in connection.execute("SELECT name, rows FROM runs ORDER BY name"):
                by_size[rows.bit_length() // 3].append((name, rows))
        for group in by_size.values():
            if len(group) >= FAN and sum(rows for _, rows in group) <= MERGED_ROWS:
                return [name for name, _ in group]
        return []

    def _events(self, names: Sequence[str]) -> pl.DataFrame:
        with self._readers.reading("read the list of segments") as connection:
            covered = segments.of_runs(connection, names)
        return pl.concat([self._segments.scan(segment) for segment in covered]).sort(segments.ORDER).collect()

    def _ids(self, names: Sequence[str]) -> Digests:
        return np.sort(np.concatenate([Run(self._index.folder / name).ids for name in names]))


def _record_merge(into: str, names: Sequence[str], connection: sqlite3.Connection, _sealed: set[str]) -> None:
    rows = 0
    for name in names:
        rows += connection.execute("SELECT rows FROM runs WHERE name = ?", (name,)).fetchone()[0]
        connection.execute("UPDATE segments SET run = ? WHERE run = ?", (into, name))
        connection.execute("DELETE FROM runs WHERE name = ?", (name,))
    connection.execute("INSERT INTO runs VALUES (?, ?)", (into, rows))
