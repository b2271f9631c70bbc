"""Events that are not sealed yet: rows of `live_events`.

Owns what a live event must be to be stored, and the way from `Event` to a row and back. Commits nothing.
"""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import msgspec
import polars as pl

from coldframe.domain import Event
from coldframe.errors import InputError
from coldframe.events.schema import EVENT_COLUMNS, FIRST_TIME_US, LAST_TIME_US, TIME
from coldframe.store.protocol import EventStatus

Row = tuple[str, str | None, str | None, str, str, int, float | None, str | None, int | None, str | None]
"""Values in the order of `EVENT_COLUMNS`, the timestamp in microseconds since 1970."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_POSITION = 2**31 - 1
NAMES = ", ".join(EVENT_COLUMNS)
AS_ROW = [pl.col(name).to_physical() for name in EVENT_COLUMNS]
"""What selects a frame's columns so that its rows are `Row`s."""
_PLACES = f"({', '.join('?' * len(EVENT_COLUMNS))})"
_AT_ONCE = 256
"""Most rows in one statement. SQLite works on a whole statement while other threads of this process go on."""


def micros(moment: datetime) -> int:
    """Return microseconds since 1970. Raises `InputError` without a time zone.

    >>> micros(datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC))
    2000000
    """
    if moment.tzinfo is None:
        raise InputError(f"The time {moment} has no time zone.", remedy="Give it one, such as UTC.")
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the time, in UTC, so many microseconds after 1970 began."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_row(event: Event) -> Row:
    """Return an event's values. Raises `InputError` for an event that could not be read back as it is."""
    row = (
        event.event_id,
        event.user_id,
        event.session_id,
        event.item_id,
        event.event_type,
        micros(event.timestamp),
        event.value,
        event.recommendation_id,
        event.position,
        msgspec.json.encode(event.context).decode() if event.context else None,
    )
    if reason := _refusal(event, row):
        raise InputError(f"The event {event.event_id!r} {reason}.")
    return row


def _refusal(event: Event, row: Row) -> str:
    """Return what makes an event impossible to store, or nothing."""
    if event.user_id is None and event.session_id is None:
        return "has neither a user_id nor a session_id"
    if not FIRST_TIME_US <= row[5] <= LAST_TIME_US:
        return "is not of the years 1970 to 2199"
    if not (_storable(event.value) and all(map(_storable, event.context.values()))):
        return "has a number that is not finite"
    if event.position is not None and not 0 <= event.position <= _MAX_POSITION:
        return f"has a position outside 0 to {_MAX_POSITION}"
    if not encodable(f"{row[0]}{row[1]}{row[2]}{row[3]}{row[4]}{row[7]}{row[9]}"):
        return "has text that is not Unicode"
    return ""


def _storable(value: object) -> bool:
    """False for NaN and infinity."""
    return not isinstance(value, float) or math.isfinite(value)


def encodable(text: str) -> bool:
    """True for text that UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_event(row: Sequence[object]) -> Event:
    """Return the event of a row."""
    event_id, user_id, session_id, item_id, event_type, timestamp, value, recommendation_id, position, context = row
    return Event(
        event_id=event_id,  # type: ignore[arg-type]
        user_id=user_id,  # type: ignore[arg-type]
        session_id=session_id,  # type: ignore[arg-type]
        item_id=item_id,  # type: ignore[arg-type]
        event_type=event_type,  # type: ignore[arg-type]
        timestamp=moment(timestamp),  # type: ignore[arg-type]
        value=value,  # type: ignore[arg-type]
        recommendation_id=recommendation_id,  # type: ignore[arg-type]
        position=position,  # type: ignore[arg-type]
        context=msgspec.json.decode(context) if context else {},  # type: ignore[arg-type]
    )


def insert(connection: sqlite3.Connection, rows: Sequence[Row], sealed: set[str]) -> list[EventStatus]:
    """Insert rows whose id is neither live nor sealed; return what became of each."""
    # Neighbours in the index follow one another, so that a page is written once a group.
    fresh = sorted((row for row in rows if row[0] not in sealed), key=itemgetter(0))
    before = newest_seq(connection)
    inserted = sum(connection.execute(statement, values).rowcount for statement, values in _inserts(fresh))
    if inserted == len(rows):
        return ["accepted"] * len(rows)
    new = set(ids_after(connection, before))
    return ["accepted" if _taken(new, row[0]) else "repeated" for row in rows]


def _inserts(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield statements and their values: 256 rows at a time, then powers of two, so that SQLite knows few texts."""
    start = 0
    while left := len(rows) - start:
        size = _AT_ONCE if left >= _AT_ONCE else 1 << (left.bit_length() - 1)
        values = [value for row in rows[start : start + size] for value in row]
        places = ", ".join([_PLACES] * size)
        yield f"INSERT INTO live_events ({NAMES}) VALUES {places} ON CONFLICT DO NOTHING", values  # noqa: S608
        start += size


def _taken(ids: set[str], event_id: str) -> bool:
    """Remove an id; True when it was there: the first of several rows with one id is the one that counts."""
    found = event_id in ids
    ids.discard(event_id)
    return found


def newest(connection: sqlite3.Connection, actor: str, limit: int, before: int) -> list[Row]:
    """Return an actor's newest rows with timestamp < before, newest first."""
    return connection.execute(
        f"SELECT {NAMES} FROM live_events WHERE coalesce(user_id, session_id) = ? AND timestamp < ?"  # noqa: S608
        " ORDER BY timestamp DESC, event_id DESC LIMIT ?",
        (actor, before, limit),
    ).fetchall()


def between(connection: sqlite3.Connection, start: int, end: int) -> pl.DataFrame:
    """Return the rows with start ≤ timestamp < end by (timestamp, event_id), columns of `EVENT_COLUMNS`."""
    return to_frame(
        connection.execute(
            f"SELECT {NAMES} FROM live_events WHERE timestamp >= ? AND timestamp < ? ORDER BY timestamp, event_id",  # noqa: S608
            (start, end),
        ).fetchall()
    )


def to_frame(rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    """Return rows as a frame with the columns of `EVENT_COLUMNS`."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(EVENT_COLUMNS)
    kinds = {name: pl.Int64 if kind == TIME else kind for name, kind in EVENT_COLUMNS.items()}
    series = [pl.Series(name, values, dtype=kinds[name]) for name, values in zip(kinds, columns, strict=True)]
    return pl.DataFrame(series).with_columns(pl.col("timestamp").cast(TIME))


def newest_seq(connection: sqlite3.Connection) -> int:
    """Return the serial of the newest event, sealed or not: each event accepted from now on exceeds it."""
    return connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'live_events'").fetchone()[0]


def next_seq(connection: sqlite3.Connection) -> int:
    """Take the next serial, for events that were never live."""
    taken = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'live_events' RETURNING seq"
    return connection.execute(taken).fetchone()[0]


def ids_after(connection: sqlite3.Connection, seq: int) -> list[str]:
    """Return the ids of events inserted after `newest_seq` was `seq`."""
    return [row[0] for row in connection.execute("SELECT event_id FROM live_events WHERE seq > ?", (seq,))]


def oldest(connection: sqlite3.Connection, end: int, seq: int, limit: int) -> tuple[list[int], pl.DataFrame]:
    """Return the oldest rows with timestamp < end that are no newer than `seq`: their seqs, and a frame that has them
    as `serial`.
    """
    rows = connection.execute(
        f"SELECT {NAMES}, seq FROM live_events WHERE timestamp < ? AND seq <= ?"  # noqa: S608
        " ORDER BY timestamp, event_id LIMIT ?",
        (end, seq, limit),
    ).fetchall()
    seqs = [row[-1] for row in rows]
    return seqs, to_frame([row[:-1] for row in rows]).with_columns(pl.Series("serial", seqs, pl.Int64))


def delete(connection: sqlite3.Connection, seqs: Sequence[int]) -> None:
    """Delete the rows with these seqs."""
    connection.executemany("DELETE FROM live_events WHERE seq = ?", ((seq,) for seq in seqs))
