"""Users, impressions and rejects: whole records, each a MessagePack blob under its key; `catalogue` has the items.

Owns their rows. Commits nothing: what writes returns a job for the writer.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from coldframe.domain import Impression, Item, User
from coldframe.errors import InputError
from coldframe.store.protocol import Reject
from coldframe.store.sqlite import persons
from coldframe.store.sqlite.live import micros
from coldframe.store.sqlite.writer import Apply

R = TypeVar("R", Item, User)
Encodable = Item | User | Impression | Reject

PAGE = 1_000
"""Records read at a time, so that no reader holds a state of the database for long."""

_ENCODER = msgspec.msgpack.Encoder(order="sorted")


def encode(record: Encodable) -> bytes:
    """Return a record's bytes, the same for equal records. Raises `InputError` for text that is not Unicode."""
    try:
        return _ENCODER.encode(record)
    except UnicodeEncodeError as error:
        raise InputError(f"A record has text that is not Unicode: {error}.") from error


class Records(Generic[R]):
    """The records of one table, by id."""

    def __init__(self, table: str, kind: type[R]) -> None:
        self._table = table
        self._decoder = msgspec.msgpack.Decoder(kind)

    def upsert(self, bodies: dict[str, bytes]) -> Apply[int]:
        """Return the job that stores records by id and counts those that changed."""
        statement = (
            f"INSERT INTO {self._table} VALUES (?, ?) ON CONFLICT (id)"  # noqa: S608
            " DO UPDATE SET body = excluded.body WHERE body != excluded.body"
        )

        def apply(connection: sqlite3.Connection, _sealed: set[str]) -> int:
            return connection.executemany(statement, bodies.items()).rowcount if bodies else 0

        return apply

    def delete(self, record_id: str) -> Apply[bool]:
        """Return the job that removes a record and says whether it was there."""

        def apply(connection: sqlite3.Connection, _sealed: set[str]) -> bool:
            return connection.execute(f"DELETE FROM {self._table} WHERE id = ?", (record_id,)).rowcount > 0  # noqa: S608

        return apply

    def get(self, connection: sqlite3.Connection, record_id: str) -> R | None:
        """Return one record, or None."""
        row = connection.execute(f"SELECT body FROM {self._table} WHERE id = ?", (record_id,)).fetchone()  # noqa: S608
        return self._decoder.decode(row[0]) if row else None

    def page(self, connection: sqlite3.Connection, after: str) -> list[tuple[str, R]]:
        """Return the next records in order of their id."""
        rows = connection.execute(
            f"SELECT id, body FROM {self._table} WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
            (after, PAGE),
        )
        return [(record_id, self._decoder.decode(body)) for record_id, body in rows]


_IMPRESSIONS = msgspec.msgpack.Decoder(Impression)
_REJECTS = msgspec.msgpack.Decoder(Reject)


def add_impressions(impressions: Sequence[Impression], erased: int) -> Apply[None]:
    """Return the job that stores impressions whose id is new, made when so many erasures were finished.

    A list that waited while another process finished an erasure is not stored where it may have been that user's: one
    of a forgotten user, or of a session, of which nobody can tell any more whose it was.
    """
    rows = [(each.recommendation_id, micros(each.timestamp), encode(each)) for each in impressions]

    def apply(connection: sqlite3.Connection, _sealed: set[str]) -> None:
        kept = rows if persons.finished(connection) == erased else _of_known(connection, impressions, rows)
        connection.executemany("INSERT INTO impressions VALUES (?, ?, ?) ON CONFLICT DO NOTHING", kept)

    return apply


def _of_known(
    connection: sqlite3.Connection, impressions: Sequence[Impression], rows: list[tuple[str, int, bytes]]
) -> list[tuple[str, int, bytes]]:
    """Return the rows of impressions that name a user who was never forgotten."""
    named = {each.user_id for each in impressions if each.user_id is not None}
    known = named - persons.forgotten(connection, named)
    return [row for row, each in zip(rows, impressions, strict=True) if each.user_id in known]


def impression(connection: sqlite3.Connection, key: str) -> Impression | None:
    """Return one impression, or None."""
    row = connection.execute("SELECT body FROM impressions WHERE id = ?", (key,)).fetchone()
    return _IMPRESSIONS.decode(row[0]) if row else None


def impressions_page(
    connection: sqlite3.Connection, after: tuple[int, str], end: int
) -> list[tuple[tuple[int, str], Impression]]:
    """Return the next impressions after (timestamp, id), with timestamp < end."""
    rows = connection.execute(
        "SELECT timestamp, id, body FROM impressions WHERE (timestamp, id) > (?, ?) AND timestamp < ?"
        " ORDER BY timestamp, id LIMIT ?",
        (*after, end, PAGE),
    )
    return [((timestamp, key), _IMPRESSIONS.decode(body)) for timestamp, key, body in rows]


def add_rejects(rejects: Sequence[Reject]) -> Apply[None]:
    """Return the job that keeps refused rows."""
    bodies = [(encode(reject),) for reject in rejects]

    def apply(connection: sqlite3.Connection, _sealed: set[str]) -> None:
        connection.executemany("INSERT INTO rejects (body) VALUES (?)", bodies)

    return apply


def newest_rejects(connection: sqlite3.Connection, limit: int) -> Iterator[Reject]:
    """Yield refused rows, the last added first."""
    rows = connection.execute("SELECT body FROM rejects ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
    return (_REJECTS.decode(body) for (body,) in rows)
