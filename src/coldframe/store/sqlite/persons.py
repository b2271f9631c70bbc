"""Rows about persons: which session is whose, and who is being forgotten.

Owns the tables `merges` and `erasures`, and the test of whose an event is. Commits nothing.

An event belongs to user U when it names U, or when it names no user and its session is U's: one joined to U, or one
that goes by the very id.
"""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from coldframe.errors import ConflictError
from coldframe.events.schema import LAST_TIME_US
from coldframe.store.people import Erasure
from coldframe.store.sqlite import live
from coldframe.store.sqlite.live import Row

_ERASURES = msgspec.msgpack.Decoder(Erasure)
MAX_SERIAL = 2**63 - 1
BELONGS = (
    "coalesce(user_id, session_id) IN (SELECT value FROM json_each(:actors)) AND (user_id = :user OR user_id IS NULL)"
)
"""The test as SQL that an index answers, with the parameters of `Person.sql`."""


@dataclass(frozen=True)
class Person:
    """A user and the sessions joined to it, in order."""

    user: str
    sessions: tuple[str, ...] = ()

    @property
    def actors(self) -> tuple[str, ...]:
        """The ids that the person's events go by."""
        return (self.user, *self.sessions)

    @property
    def sql(self) -> dict[str, str]:
        """The parameters of `BELONGS`."""
        return {"user": self.user, "actors": json.dumps(self.actors)}

    def owns(self, row: Row) -> bool:
        """True when a stored event is the person's."""
        return row[1] == self.user or (row[1] is None and row[2] in self.actors)

    def owned(self) -> pl.Expr:
        """Return the same of a frame's rows; never null."""
        anonymous = pl.col("user_id").is_null() & pl.col("session_id").is_in(list(self.actors)).fill_null(False)
        return (pl.col("user_id") == self.user).fill_null(False) | anonymous

    def named(self, row: Row) -> Row:
        """Return a stored event as it is read: with the user, where its session was joined to one."""
        return (row[0], self.user, *row[2:]) if row[1] is None and row[2] in self.sessions else row


def person(connection: sqlite3.Connection, user: str, *, by: int = LAST_TIME_US) -> Person:
    """Return a user with the sessions joined to it, or joined by a time (µs)."""
    rows = connection.execute("SELECT session FROM merges WHERE user = ? AND merged <= ? ORDER BY session", (user, by))
    return Person(user, tuple(session for (session,) in rows))


def joined(connection: sqlite3.Connection) -> pl.DataFrame:
    """Return every session that was joined: columns session_id and joined_to."""
    rows = connection.execute("SELECT session, user FROM merges").fetchall()
    return pl.DataFrame(rows, schema={"session_id": pl.String, "joined_to": pl.String}, orient="row")


def version(connection: sqlite3.Connection) -> int:
    """Return a number that grows when a session is joined, or forgotten with its user."""
    return connection.execute("SELECT value FROM counters WHERE name = 'identity'").fetchone()[0]


def join(connection: sqlite3.Connection, session: str, user: str, at: int) -> bool:
    """Join a session to a user; False when it was. Raises `ConflictError`."""
    owner = connection.execute("SELECT user FROM merges WHERE session = ?", (session,)).fetchone()
    if owner == (user,):
        return False
    if owner is not None:
        raise ConflictError(
            f"Session {session!r} belongs to another user already.", remedy="Give every visitor a session of their own."
        )
    chained = "SELECT 1 FROM merges WHERE session = ? OR user = ? LIMIT 1"
    if session == user or connection.execute(chained, (user, session)).fetchone():
        raise ConflictError(
            f"{session!r} and {user!r} would make a chain: one is a user's session already, or a user with sessions.",
            remedy="Join each session to the user itself.",
        )
    connection.execute("INSERT INTO merges VALUES (?, ?, ?)", (session, user, at))
    _count(connection)
    return True


def pending(connection: sqlite3.Connection) -> list[Person]:
    """Return who is being forgotten at this moment."""
    users = connection.execute("SELECT user FROM erasures WHERE user IS NOT NULL ORDER BY user").fetchall()
    return [person(connection, user) for (user,) in users]


def begin(connection: sqlite3.Connection, user: str, erasure_id: str, at: int) -> str:
    """Hide a user from every read and remove the record; return the id of the erasure, which may have begun before."""
    begun = connection.execute("SELECT id FROM erasures WHERE user = ?", (user,)).fetchone()
    if begun is not None:
        return begun[0]
    removed = connection.execute("DELETE FROM users WHERE id = ?", (user,)).rowcount
    receipt = Erasure(
        erasure_id=erasure_id,
        user_hash=hashed(salt(connection), user),
        asked_at=live.moment(at),
        erased={"users": removed},
    )
    connection.execute(
        "INSERT INTO erasures (id, asked, digest, user, body) VALUES (?, ?, ?, ?, ?)",
        (erasure_id, at, receipt.user_hash, user, msgspec.msgpack.encode(receipt)),
    )
    return erasure_id


def finish(connection: sqlite3.Connection, who: Person, at: int, erased: dict[str, int]) -> None:
    """Remove the live rows of a person, and write the receipt, which no longer names anybody."""
    row = connection.execute("SELECT id, body FROM erasures WHERE user = ?", (who.user,)).fetchone()
    receipt = _ERASURES.decode(row[1])
    rows = connection.execute(f"DELETE FROM live_events WHERE {BELONGS}", who.sql).rowcount  # noqa: S608
    users = connection.execute("DELETE FROM users WHERE id = ?", (who.user,)).rowcount
    sessions = connection.execute("DELETE FROM merges WHERE user = :user OR session = :user", who.sql).rowcount
    _count(connection)
    connection.execute("INSERT INTO counters VALUES ('erased', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
    counted = {"live_events": rows, "users": max(users, receipt.erased["users"]), "sessions": sessions}
    done = msgspec.structs.replace(
        receipt, finished_at=live.moment(at), erased=dict(sorted((erased | counted).items()))
    )
    connection.execute("UPDATE erasures SET user = NULL, body = ? WHERE id = ?", (msgspec.msgpack.encode(done), row[0]))


def finished(connection: sqlite3.Connection) -> int:
    """Return how many erasures were finished."""
    row = connection.execute("SELECT value FROM counters WHERE name = 'erased'").fetchone()
    return row[0] if row else 0


def receipts(connection: sqlite3.Connection, limit: int) -> list[Erasure]:
    """Return the newest receipts first."""
    rows = connection.execute("SELECT body FROM erasures ORDER BY asked DESC, id DESC LIMIT ?", (limit,))
    return [_ERASURES.decode(body) for (body,) in rows]


def receipt(connection: sqlite3.Connection, erasure_id: str) -> Erasure:
    """Return one receipt."""
    row = connection.execute("SELECT body FROM erasures WHERE id = ?", (erasure_id,)).fetchone()
    return _ERASURES.decode(row[0])


def salt(connection: sqlite3.Connection) -> bytes:
    """Return the salt of this store's receipts."""
    return connection.execute("SELECT value FROM secrets WHERE name = 'erasures'").fetchone()[0]


def hashed(salt: bytes, user: str) -> str:
    """Return the salted hash of a user's id: HMAC-SHA256 in hexadecimal."""
    return hmac.new(salt, user.encode(), hashlib.sha256).hexdigest()


def forgotten(connection: sqlite3.Connection, users: Iterable[str]) -> set[str]:
    """Return those of the users who were forgotten once."""
    secret = salt(connection)
    query = "SELECT 1 FROM erasures WHERE digest = ? LIMIT 1"
    return {user for user in users if connection.execute(query, (hashed(secret, user),)).fetchone()}


def newest(
    connection: sqlite3.Connection, who: Person, limit: int, before: int, serial: int = MAX_SERIAL
) -> Sequence[Row]:
    """Return a person's newest live rows with timestamp < before, newest first, of those up to a serial."""
    return connection.execute(
        f"SELECT {live.NAMES} FROM live_events WHERE {BELONGS} AND timestamp < :before AND seq <= :serial"  # noqa: S608
        " ORDER BY timestamp DESC, event_id DESC LIMIT :limit",
        who.sql | {"before": before, "limit": limit, "serial": serial},
    ).fetchall()


def _count(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'identity'")
