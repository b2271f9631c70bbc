"""Forgetting a user: hidden by one transaction, then gone from every file and table by another.

Owns the order that makes it survive a crash at any moment. Sealed segments and runs that hold the user are written
again beside the old ones; one transaction then records the new ones, removes the rows and finishes the receipt; then
the old files are removed. Before that transaction nothing is changed but that no read shows the user. Its caller holds
the lock file, so that no import and no seal is under way.
"""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from coldframe import disk
from coldframe.clock import Clock
from coldframe.hashing import among, column_digests
from coldframe.store.protocol import Reject
from coldframe.store.sqlite import persons, runs, segments
from coldframe.store.sqlite.connections import Readers, connect
from coldframe.store.sqlite.failures import medium
from coldframe.store.sqlite.housekeeping import Housekeeping
from coldframe.store.sqlite.index import Index
from coldframe.store.sqlite.live import micros
from coldframe.store.sqlite.persons import Person
from coldframe.store.sqlite.segments import Segment, Segments
from coldframe.store.sqlite.writer import TURNS, Writer

PAGE = 1_000
Names = Callable[[bytes], bool]
"""Whether a record's bytes name a person."""


class _Shown(msgspec.Struct):
    """To whom a list was shown: the part of an impression that is read here."""

    user_id: str | None = None
    session_id: str | None = None


_SHOWN, _REJECT = msgspec.msgpack.Decoder(_Shown), msgspec.msgpack.Decoder(Reject)


@dataclass
class _Rewritten:
    """What replaces the files that hold a person: nothing of it is recorded yet."""

    old_runs: list[str] = field(default_factory=list[str])
    old_segments: list[str] = field(default_factory=list[str])
    new_runs: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    new_segments: list[Segment] = field(default_factory=list[Segment])
    moved: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Segments that stay as they are, and the run that covers them from now on: (run, segment)."""
    erased: int = 0


class Erasing:
    """Finishes the erasures of one store."""

    def __init__(
        self,
        path: Path,
        readers: Readers,
        writer: Writer,
        files: Segments,
        index: Index,
        housekeeping: Housekeeping,
        clock: Clock,
    ) -> None:
        self._path, self._readers, self._writer, self._clock = path, readers, writer, clock
        self._segments, self._index, self._housekeeping = files, index, housekeeping

    def resume(self) -> None:
        """Finish every erasure that has begun. Raises `StoreError`; what is not finished then stays hidden."""
        while waiting := self._waiting():
            self._erase(waiting[0])

    def _waiting(self) -> list[Person]:
        with self._readers.reading("read the erasures") as connection:
            return persons.pending(connection)

    def _erase(self, who: Person) -> None:
        with medium("erase events", self._segments.folder):
            rewritten = self._rewritten(who)
        records = {
            "impressions": _Found("impressions", partial(_shown_to, who)),
            "rejects": _Found("rejects", partial(_mentions, _mention_of(who))),
        }
        for found in records.values():
            found.look(self._readers)
        if self._writer.write(partial(self._record, who, rewritten, records)):
            self._housekeeping.sweep()
            self._empty_log()

    def _rewritten(self, who: Person) -> _Rewritten:
        """Write the segments that hold a person again, and the runs that cover them."""
        with self._readers.reading("read the list of runs") as connection:
            names = self._index.holding(connection, who.actors)
            covered = {name: segments.of_runs(connection, [name]) for name in names}
        found = _Rewritten()
        for name, parts in covered.items():
            self._rewrite_run(name, parts, who, found)
        return found

    def _rewrite_run(self, name: str, parts: list[Segment], who: Person, found: _Rewritten) -> None:
        events = [self._segments.numbered(segment).collect() for segment in parts]
        kept = [each.filter(~who.owned()) for each in events]
        if all(after.height == before.height for before, after in zip(events, kept, strict=True)):
            return
        gone = pl.concat([each.filter(who.owned()) for each in events])
        rest = pl.concat(kept)
        same, new = list[Segment](), list[Segment]()
        for segment, before, after in zip(parts, events, kept, strict=True):
            if before.height == after.height:
                same.append(segment)
                continue
            found.old_segments.append(segment.name)
            if not after.is_empty():
                new.append(self._segments.write(after, source=segment.source))
        into = _run_name([*same, *new])
        found.moved += [(into, segment.name) for segment in same]
        found.new_segments += [replace(segment, run=into) for segment in new]
        found.old_runs.append(name)
        found.erased += gone.height
        if not rest.is_empty():
            ids = runs.Run(self._index.folder / name).ids
            left = ids[~among(np.sort(column_digests(gone["event_id"])), ids)]
            runs.write(self._index.folder, into, rest.sort(segments.ORDER), left)
            found.new_runs.append((into, rest.height))

    def _record(
        self,
        who: Person,
        rewritten: _Rewritten,
        records: dict[str, "_Found"],
        connection: sqlite3.Connection,
        _sealed: set[str],
    ) -> bool:
        """Make the new files part of the store in place of the old; False when another session was joined meanwhile."""
        if persons.person(connection, who.user) != who:
            return False
        _replace(connection, rewritten)
        counted = {name: found.remove(connection) for name, found in records.items()}
        persons.finish(connection, who, micros(self._clock()), counted | {"sealed_events": rewritten.erased})
        return True

    def _empty_log(self) -> None:
        """Cut the write-ahead log back, in which the rows still stood.

        Writers wait meanwhile, so a read that lasts longer than a second leaves it to the next checkpoint.
        """
        turn = disk.locked(self._path.with_name(TURNS))
        with medium("empty the write-ahead log", self._path), turn, closing(connect(self._path)) as connection:
            connection.execute("PRAGMA busy_timeout = 1000").fetchall()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class _Found:
    """Records of one table that name a person: looked for while others write, and once more for late ones."""

    def __init__(self, table: str, names: Names) -> None:
        self._table, self._names = table, names
        self._rows: list[int] = []
        self._seen = 0

    def look(self, readers: Readers) -> None:
        """Go through the table page by page, each a state of its own."""
        while True:
            with readers.reading(f"read the {self._table}") as connection:
                if not self._page(connection):
                    return

    def remove(self, connection: sqlite3.Connection) -> int:
        """Remove what was found and what came since; return how many. May run twice."""
        found, seen = list(self._rows), self._seen
        while self._page(connection):
            pass
        removed = sum(
            connection.execute(f"DELETE FROM {self._table} WHERE rowid = ?", (row,)).rowcount  # noqa: S608
            for row in self._rows
        )
        self._rows, self._seen = found, seen
        return removed

    def _page(self, connection: sqlite3.Connection) -> bool:
        query = f"SELECT rowid, body FROM {self._table} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608
        rows = connection.execute(query, (self._seen, PAGE)).fetchall()
        self._rows += [row for row, body in rows if self._names(body)]
        self._seen = rows[-1][0] if rows else self._seen
        return bool(rows)


def _replace(connection: sqlite3.Connection, rewritten: _Rewritten) -> None:
    for name in rewritten.old_segments:
        connection.execute("DELETE FROM segments WHERE name = ?", (name,))
    for name in rewritten.old_runs:
        connection.execute("DELETE FROM runs WHERE name = ?", (name,))
    connection.executemany("INSERT INTO runs VALUES (?, ?)", rewritten.new_runs)
    for segment in rewritten.new_segments:
        segments.record(connection, segment)
    connection.executemany("UPDATE segments SET run = ? WHERE name = ?", rewritten.moved)


def _run_name(parts: Sequence[Segment]) -> str:
    """Return the name of the run that covers these segments, of which nobody can tell who is missing in it."""
    return hashlib.sha256("/".join(sorted(segment.name for segment in parts)).encode()).hexdigest()[:32]


def _shown_to(who: Person, body: bytes) -> bool:
    shown = _SHOWN.decode(body)
    return shown.user_id == who.user or (shown.user_id is None and shown.session_id in who.actors)


def _mention_of(who: Person) -> re.Pattern[str]:
    """Return what finds any of a person's ids in text, as a word of its own."""
    return re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in _spelled(who.actors)))


def _spelled(ids: Iterable[str]) -> list[str]:
    """Return ids as a row may spell them: as they are, and as JSON does."""
    plain = list(ids)
    return sorted({*plain, *(msgspec.json.encode(each).decode()[1:-1] for each in plain)})


def _mentions(pattern: re.Pattern[str], body: bytes) -> bool:
    reject = _REJECT.decode(body)
    return bool(pattern.search(reject.row) or pattern.search(reject.reason))
