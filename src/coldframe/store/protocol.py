"""What a store promises; SQLite keeps the promise today, PostgreSQL can follow.

A store owns the event log (the truth: append-only but for who is forgotten, idempotent by `event_id`), the catalogue,
the users and the impressions. `people` says who is whom and who is forgotten, `ledger` what is known of trainings. It
never weighs an event, never trains and never decides what to show.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec
import polars as pl

from coldframe.domain import Event, Impression, Item, ItemId, Past, User, UserId
from coldframe.store.ledger import Ledger
from coldframe.store.people import People

EventStatus = Literal["accepted", "repeated", "rejected"]
T = TypeVar("T")
Progress = Callable[[int, int | None], None]
"""Called with (rows done, rows in all or None when unknown)."""


class EventReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event, in the order given."""

    event_id: str | None
    status: EventStatus
    reason: str = ""


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import: every row is exactly one of accepted, repeated or rejected."""

    kind: Literal["events", "items", "users"]
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    reasons: dict[str, int] = {}
    ignored_columns: list[str] = []
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Rows read in all."""
        return self.accepted + self.repeated + self.rejected


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One refused row, kept with its reason until somebody looks."""

    received_at: datetime
    source: str
    line: int
    reason: str
    row: str


class Again(Generic[T]):
    """Values that are read anew whenever they are asked for."""

    def __init__(self, read: Callable[[], Iterator[T]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[T]:
        """Read them."""
        return self._read()


class CatalogueChanges(NamedTuple):
    """What changed in the catalogue up to a version at least: ids of those that are gone, and items as they are now,
    the last changed last. Whoever follows takes out what is gone first: it may have come again.
    """

    version: int
    items: Iterable[Item]
    removed: Sequence[ItemId]


class ItemCounts(NamedTuple):
    """Events per item, where there are any, and the serial of the newest event that was looked at."""

    events: Mapping[str, int]
    serial: int


class StoreCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much a store holds."""

    events: int
    users: int
    items: int
    impressions: int
    rejects: int
    first_event: datetime | None
    last_event: datetime | None


@runtime_checkable
class Store(Ledger, People, Protocol):
    """The event log, the catalogue, the users and the impressions; identity and erasure; the ledger of trainings.

    Every method is safe to call from several threads. A method that writes returns only after the
    write is durable (fsynced). Raises `StoreError` when the medium fails; then nothing of the call is kept.

    Events have serials: whole numbers that grow in the order in which they became visible; those of one import share
    one.
    """

    # events
    def append_events(self, events: Sequence[Event]) -> list[EventReport]:
        """Append live events in one group commit; an `event_id` already known is `repeated` and changes nothing."""
        ...

    def import_events(
        self, frames: Iterable[pl.DataFrame], *, source: str = "", progress: Progress | None = None
    ) -> ImportReport:
        """Seal many events at once. Frames have the columns of `events.schema.EVENT_COLUMNS`, already validated."""
        ...

    def scan_events(self, *, start: datetime | None = None, end: datetime | None = None) -> pl.LazyFrame:
        """Return the events with start ≤ timestamp < end, columns of `EVENT_COLUMNS`, by (timestamp, event_id).

        An anonymous event of a session that was joined to a user has that user's id.
        """
        ...

    def item_counts(self, *, start: datetime, serial: int | None = None) -> ItemCounts:
        """Return how many events with start ≤ timestamp each item has, where it has any; what a scan leaves out, too,
        is left out. With `serial`, only of the events up to it. Memory grows with the items, not with the events.
        """
        ...

    def recent_events(self, actor: UserId, *, limit: int, before: datetime | None = None) -> list[Event]:
        """Return a user's (or session's) newest events, newest first, at most `limit`, each timestamp < `before`.

        A user's are those of the sessions joined to the user, too; a session's are its own, whoever it was joined to.
        """
        ...

    def past(self, actor: UserId, *, limit: int, session: bool = False) -> Past:
        """Return what a model is told of the same newest events, which is read for every answer.

        Where the actor is a `session`, events that name no session are a user's who goes by the same id: left out.
        """
        ...

    def past_as_of(self, actor: UserId, *, limit: int, serial: int, moment: datetime, session: bool = False) -> Past:
        """Return what `past` did when the newest event had this serial, at a moment that says which sessions were
        joined to the user by then. What was forgotten since is gone. Reads all of the actor's events.
        """
        ...

    def seal(self, *, before: datetime) -> int:
        """Move live events of whole days that ended by `before` into sealed segments; return how many moved."""
        ...

    # catalogue and users
    def upsert_items(self, items: Sequence[Item]) -> int:
        """Insert or replace items by `item_id`; return how many changed."""
        ...

    def item(self, item_id: ItemId) -> Item | None:
        """Return one item, or None."""
        ...

    def delete_item(self, item_id: ItemId) -> bool:
        """Remove an item from the catalogue; True when it was there. Its events stay."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield every item in order of `item_id`."""
        ...

    def upsert_users(self, users: Sequence[User]) -> int:
        """Insert or replace users by `user_id`; return how many changed."""
        ...

    def user(self, user_id: UserId) -> User | None:
        """Return one user, or None."""
        ...

    def users(self) -> Iterator[User]:
        """Yield every user in order of `user_id`."""
        ...

    def catalogue_version(self) -> int:
        """Return a number that grows with every change of an item, so that a reader knows when to look again."""
        ...

    def catalogue_changes(self, since: int) -> CatalogueChanges:
        """Return what changed after a version of the catalogue; after a later one than there is, nothing."""
        ...

    # impressions
    def append_impressions(self, impressions: Sequence[Impression]) -> None:
        """Queue delivered lists and return at once; they become durable with the next group commit, within
        a tenth of a second.

        An answer never waits for the disk. No event that is accepted later is on it before them. An id already known
        changes nothing.
        """
        ...

    def impression(self, recommendation_id: str) -> Impression | None:
        """Return one delivered list, or None."""
        ...

    def impressions(self, *, start: datetime | None = None, end: datetime | None = None) -> Iterator[Impression]:
        """Yield impressions with start ≤ timestamp < end in order of time."""
        ...

    # rejects and housekeeping
    def add_rejects(self, rejects: Sequence[Reject]) -> None:
        """Keep refused rows with their reasons."""
        ...

    def rejects(self, *, limit: int = 100) -> Iterator[Reject]:
        """Yield the newest refused rows first."""
        ...

    def flush(self) -> None:
        """Return once everything queued so far is durable."""
        ...

    def counts(self) -> StoreCounts:
        """Return how much the store holds."""
        ...

    def close(self) -> None:
        """Release everything; further calls raise `StoreError`."""
        ...
