"""`SQLiteStore`: the promise of `store.protocol`, kept with files in one folder.

Owns the order of opening and closing, and which part answers which call. Holds no SQL and writes no file itself.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import polars as pl
from msgspec.structs import replace

from coldframe import disk
from coldframe.clock import Clock, system_clock
from coldframe.domain import Event, Impression, Item, ItemId, Past, User, UserId
from coldframe.errors import InputError, StoreError
from coldframe.events.schema import LAST_TIME_US
from coldframe.settings.sections import StoreSettings
from coldframe.store.protocol import (
    Again,
    CatalogueChanges,
    EventReport,
    ImportReport,
    ItemCounts,
    Progress,
    Reject,
    StoreCounts,
)
from coldframe.store.sqlite import catalogue, counting, histories, live, persons, records, schema, segments
from coldframe.store.sqlite.connections import Readers
from coldframe.store.sqlite.failures import medium
from coldframe.store.sqlite.index import Index
from coldframe.store.sqlite.ledger import SQLiteLedger, note_arrivals
from coldframe.store.sqlite.people import FORGOTTEN, SQLitePeople
from coldframe.store.sqlite.records import Records
from coldframe.store.sqlite.sealing import Sealing
from coldframe.store.sqlite.segments import HELD_FILES, Part, Segments
from coldframe.store.sqlite.writer import Writer

K = TypeVar("K")
V = TypeVar("V")

_LOG = logging.getLogger(__name__)
_END = LAST_TIME_US + 1
TRIES = 5
"""How often a history is read anew when merges of runs overtake it, before the file counts as lost."""


class SQLiteStore(SQLiteLedger, SQLitePeople):
    """The embedded store in the folder `data`; see `store.protocol.Store` for what each method promises.

    Any number of processes may have the folder open. Each has one thread that writes, and they take turns.
    """

    def __init__(self, data: Path, settings: StoreSettings, *, clock: Clock = system_clock) -> None:
        """Open the store, creating what is missing; `clock` says when events are accepted.

        Raises `StoreError`, also for a folder of a newer coldframe.
        """
        path, lock = data / "store.sqlite", data / "store.lock"
        with medium("open the store", data):
            for folder in (data, data / "segments", data / "index"):
                disk.make_folder(folder)
            schema.prepare(path, lock)
            disk.sync(data)
            self._segments, self._index = Segments(data / "segments"), Index(data / "index")
            self._readers = Readers(path)
            self._writer = Writer(path, settings, self._index.sealed)
        self._clock, self._settings = clock, settings
        self._sealing = Sealing(lock, self._readers, self._writer, self._segments, self._index, clock)
        self._items, self._users = catalogue.Catalogue(), Records("users", User)
        self._lost: list[BaseException] = []
        try:
            self._sealing.tidy()
        except BaseException:
            self.close()
            raise

    @property
    def commits(self) -> int:
        """Transactions committed by this process so far: one fsync each."""
        return self._writer.commits

    # events
    def append_events(self, events: Sequence[Event]) -> list[EventReport]:
        """Append live events; one that could not be read back as it is (no actor, a NaN …) is `rejected`."""
        read = [event if isinstance(event, str) else _row_or_reason(event) for event in self._welcome(events)]
        rows = [row for row in read if not isinstance(row, str)]
        statuses = iter(self._append(rows) if rows else ())
        return [
            EventReport(event_id=event.event_id, status="rejected", reason=row)
            if isinstance(row, str)
            else EventReport(event_id=event.event_id, status=next(statuses))
            for event, row in zip(events, read, strict=True)
        ]

    def _append(self, rows: Sequence[live.Row]) -> list[live.EventStatus]:
        def apply(connection: Connection, sealed: set[str]) -> list[live.EventStatus]:
            statuses = live.insert(connection, rows, sealed)
            note_arrivals(connection, self._clock(), statuses.count("accepted"))
            return statuses

        return self._writer.write(apply, event_ids=[row[0] for row in rows], weight=len(rows))

    def import_events(
        self, frames: Iterable[pl.DataFrame], *, source: str = "", progress: Progress | None = None
    ) -> ImportReport:
        """Seal many events at once: all of them or, after a failure, none."""
        refused: list[int] = []
        report = self._sealing.import_events(self._welcome_frames(frames, refused), source, progress)
        return replace(report, rejected=sum(refused), reasons={FORGOTTEN: sum(refused)} if sum(refused) else {})

    def scan_events(self, *, start: datetime | None = None, end: datetime | None = None) -> pl.LazyFrame:
        """Return the events as they are now; what is appended later does not change the frame."""
        first, last = _bounds(start, end)
        with self._readers.reading("scan the events") as connection:
            files = segments.recorded(connection, first, last)
            waiting = live.between(connection, first, last)
            parts = [
                Part(each.first, each.last, self._segments.scan(each, held=len(files) <= HELD_FILES)) for each in files
            ]
            if not waiting.is_empty():
                times = waiting["timestamp"].to_physical()
                parts.append(Part(times[0], times[-1], waiting.lazy()))
            return self._with_persons(connection, segments.in_order(parts, first, last))

    def item_counts(self, *, start: datetime, serial: int | None = None) -> ItemCounts:
        """Return how many events with start ≤ timestamp each item has."""
        with self._readers.reading("count events by item") as connection:
            return counting.by_item(connection, self._segments, live.micros(start), serial)

    def recent_events(self, actor: UserId, *, limit: int, before: datetime | None = None) -> list[Event]:
        """Return an actor's newest events from live and sealed ones together."""
        _, end = _bounds(None, before)
        rows = self._history(lambda connection: histories.newest(connection, self._index, actor, limit, end))
        return [live.to_event(row) for row in rows]

    def past(self, actor: UserId, *, limit: int, session: bool = False) -> Past:
        """Return what a model is told of an actor's newest events."""

        def read(connection: Connection) -> Past:
            rows = histories.newest(connection, self._index, actor, limit, _END)
            return histories.told(rows, live.newest_seq(connection), actor if session else None)

        return self._history(read)

    def past_as_of(self, actor: UserId, *, limit: int, serial: int, moment: datetime, session: bool = False) -> Past:
        """Return what it was told at an earlier serial."""

        def read(connection: Connection) -> Past:
            who = persons.person(connection, actor, by=live.micros(moment))
            rows = histories.newest_as_of(connection, self._index, self._segments, who, limit, serial)
            return histories.told(rows, serial, actor if session else None)

        return self._history(read)

    def seal(self, *, before: datetime) -> int:
        """Move live events of whole days (UTC) into segments."""
        return self._sealing.seal(before)

    # catalogue and users
    def upsert_items(self, items: Sequence[Item]) -> int:
        """Insert or replace items; the last of one id counts."""
        return self._writer.write(self._items.upsert({item.item_id: records.encode(item) for item in items}))

    def item(self, item_id: ItemId) -> Item | None:
        """Return one item, or None."""
        return self._readers.once("read an item", lambda connection: self._items.get(connection, item_id))

    def delete_item(self, item_id: ItemId) -> bool:
        """Remove an item."""
        return self._writer.write(self._items.delete(item_id))

    def items(self) -> Iterator[Item]:
        """Yield every item in order of `item_id`."""
        return self._pages("read the items", self._items.page, "")

    def upsert_users(self, users: Sequence[User]) -> int:
        """Insert or replace users; the last of one id counts."""
        welcome = self._welcome_users(users)
        return self._writer.write(self._users.upsert({user.user_id: records.encode(user) for user in welcome}))

    def user(self, user_id: UserId) -> User | None:
        """Return one user, or None."""
        return self._readers.once("read a user", lambda connection: self._users.get(connection, user_id))

    def users(self) -> Iterator[User]:
        """Yield every user in order of `user_id`."""
        return self._pages("read the users", self._users.page, "")

    def catalogue_version(self) -> int:
        """Return a number that grows with every change of an item."""
        return self._readers.once("read the catalogue's version", catalogue.version)

    def catalogue_changes(self, since: int) -> CatalogueChanges:
        """Return what changed after a version; items are read page by page, as often as they are asked for."""
        doing = "read the catalogue's changes"
        with self._readers.reading(doing) as connection:
            version, removed = catalogue.version(connection), catalogue.removed(connection, since)
        first = (since + 1, "")
        return CatalogueChanges(version, Again(lambda: self._pages(doing, self._items.changed, first)), removed)

    # impressions
    def append_impressions(self, impressions: Sequence[Impression]) -> None:
        """Queue delivered lists. When the disk refuses them later it is logged, and the next `flush` raises."""
        erased = self._readers.once("count the erasures", persons.finished)
        job = records.add_impressions(impressions, erased)
        self._writer.queue(job, weight=len(impressions), patient=True).add_done_callback(self._noted)

    def impression(self, recommendation_id: str) -> Impression | None:
        """Return one delivered list, or None."""
        return self._readers.once(
            "read an impression", lambda connection: records.impression(connection, recommendation_id)
        )

    def impressions(self, *, start: datetime | None = None, end: datetime | None = None) -> Iterator[Impression]:
        """Yield impressions in order of time, then of id."""
        first, last = _bounds(start, end)
        return self._pages(
            "read the impressions",
            lambda connection, after: records.impressions_page(connection, after, last),
            (first, ""),
        )

    def _noted(self, done: Future[None]) -> None:
        if error := done.exception():
            _LOG.error("Impressions were lost: %s", error)
            self._lost.append(error)

    # rejects and housekeeping
    def add_rejects(self, rejects: Sequence[Reject]) -> None:
        """Keep refused rows with their reasons."""
        self._writer.write(records.add_rejects(rejects))

    def rejects(self, *, limit: int = 100) -> Iterator[Reject]:
        """Yield the newest refused rows first."""
        return self._read("read the rejects", lambda connection: records.newest_rejects(connection, limit))

    def flush(self) -> None:
        """Return once everything queued is durable. Raises `StoreError` when impressions were lost before."""
        self._writer.write(lambda _connection, _sealed: None)
        lost, self._lost = self._lost, []
        if lost:
            raise StoreError(
                f"{len(lost)} writes of impressions in {self._segments.folder.parent} were lost, the first: {lost[0]}",
                remedy="Outcomes of those lists will have no impression; check the disk.",
            )

    def counts(self) -> StoreCounts:
        """Return how much the store holds."""
        return self._read("count", counting.count)

    def close(self) -> None:
        """Commit what is queued and release everything; frames from `scan_events` stay readable."""
        self._writer.close()
        self._readers.close()

    def _history(self, read: Callable[[Connection], V], tries: int = TRIES) -> V:
        """Read a history; again where a run was merged into another between being listed and being opened."""
        try:
            return self._read("read a history", read)
        except StoreError as error:
            if tries == 1 or not isinstance(error.__cause__, FileNotFoundError):
                raise
        return self._history(read, tries - 1)

    def _read(self, doing: str, read: Callable[[Connection], V]) -> V:
        with self._readers.reading(doing) as connection:
            return read(connection)

    def _pages(self, doing: str, page: Callable[[Connection, K], list[tuple[K, V]]], after: K) -> Iterator[V]:
        """Yield records page by page, each page a state of its own."""
        while found := self._read(doing, lambda connection, after=after: page(connection, after)):
            yield from (record for _, record in found)
            after = found[-1][0]


def _row_or_reason(event: Event) -> live.Row | str:
    try:
        return live.to_row(event)
    except InputError as error:
        return str(error)


def _bounds(start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """Return the microseconds that two times mean, None being before or after everything."""
    return (0 if start is None else live.micros(start)), (_END if end is None else live.micros(end))
