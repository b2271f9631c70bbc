"""`SQLiteStore`'s part about persons: joining, forgetting, and how both change what is read.

Owns the promises of `store.people.People`. The rows are in `persons`, the files in `erasing`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import TypeVar

import polars as pl

from coldframe.clock import new_erasure_id
from coldframe.domain import Event, User, UserId
from coldframe.errors import InputError
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.settings.sections import StoreSettings
from coldframe.store.people import Erasure
from coldframe.store.sqlite import persons
from coldframe.store.sqlite.connections import Readers
from coldframe.store.sqlite.live import encodable, micros
from coldframe.store.sqlite.sealing import Sealing
from coldframe.store.sqlite.writer import Writer

V = TypeVar("V")
FORGOTTEN = "the user was forgotten, and store.forgotten_users refuses what comes after"
"""Why a row is refused."""


class SQLitePeople:
    """The part of `SQLiteStore` that keeps the promises of `store.people.People`."""

    _readers: Readers
    _writer: Writer
    _sealing: Sealing
    _settings: StoreSettings
    _joined: tuple[int, pl.DataFrame] = (-1, pl.DataFrame())

    def merge_session(self, session_id: str, user_id: UserId, *, now: datetime) -> bool:
        """Join a session to a user for good; False when it was joined before."""
        _require_text(session_id, user_id)
        if self._refused([user_id]):
            raise InputError(f"{user_id!r}: {FORGOTTEN}.", remedy="Give the person a new id.")
        at = micros(now)
        return self._writer.write(lambda connection, _: persons.join(connection, session_id, user_id, at))

    def forget_user(self, user_id: UserId, *, now: datetime) -> Erasure:
        """Remove all there is of a user and return the receipt, once nothing of it is left."""
        _require_text(user_id)
        new_id, at = new_erasure_id(), micros(now)
        erasure_id = self._writer.write(lambda connection, _: persons.begin(connection, user_id, new_id, at))
        self._sealing.erase()
        return self._ask("read a receipt", lambda connection: persons.receipt(connection, erasure_id))

    def count_erasures(self) -> int:
        """Return how many erasures were ever begun."""
        query = "SELECT count(*) FROM erasures"
        return self._ask("count the erasures", lambda connection: connection.execute(query).fetchone()[0])

    def erasures(self, *, limit: int = 100) -> Iterator[Erasure]:
        """Yield the newest receipts first."""
        yield from self._ask("read the receipts", lambda connection: persons.receipts(connection, limit))

    def _ask(self, doing: str, read: Callable[[Connection], V]) -> V:
        with self._readers.reading(doing) as connection:
            return read(connection)

    # how reads change
    def _with_persons(self, connection: Connection, events: pl.LazyFrame) -> pl.LazyFrame:
        """Return scanned events less those of who is being forgotten, sessions joined to users named by the user."""
        for who in persons.pending(connection):
            events = events.filter(~who.owned())
        joined = self._joins(connection)
        if joined.is_empty():
            return events
        return (
            events.join(joined.lazy(), on="session_id", how="left", maintain_order="left")
            .with_columns(user_id=pl.coalesce("user_id", "joined_to"))
            .select(list(EVENT_COLUMNS))
        )

    def _joins(self, connection: Connection) -> pl.DataFrame:
        """Return the joined sessions, read again when one was added or removed."""
        version = persons.version(connection)
        if self._joined[0] != version:
            self._joined = (version, persons.joined(connection))
        return self._joined[1]

    # what comes after
    def _refused(self, users: Iterable[str | None]) -> set[str]:
        """Return those of the users of whom nothing is taken any more."""
        if self._settings.forgotten_users == "accept":
            return set()
        named = {user for user in users if user is not None}
        return self._ask("read the erasures", lambda connection: persons.forgotten(connection, named))

    def _welcome(self, events: Sequence[Event]) -> list[Event | str]:
        """Return each event, or why it is refused."""
        refused = self._refused(event.user_id for event in events)
        return [FORGOTTEN if event.user_id in refused else event for event in events]

    def _welcome_users(self, users: Sequence[User]) -> list[User]:
        refused = self._refused(user.user_id for user in users)
        return [user for user in users if user.user_id not in refused]

    def _welcome_frames(self, frames: Iterable[pl.DataFrame], counted: list[int]) -> Iterator[pl.DataFrame]:
        """Yield frames less the refused rows, of which `counted` gets the number."""
        for frame in frames:
            refused = self._refused(frame["user_id"].unique()) if "user_id" in frame.columns else set[str]()
            kept = frame.filter(~pl.col("user_id").is_in(list(refused)).fill_null(False)) if refused else frame
            counted.append(frame.height - kept.height)
            yield kept


def _require_text(*ids: str) -> None:
    """Raise `InputError` for an id that no store could hold."""
    for each in ids:
        if not each or not encodable(each):
            raise InputError(f"{each!r} is no id: it is empty, or not Unicode.", remedy="Name a user or a session.")
