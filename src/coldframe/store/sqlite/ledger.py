"""Leases, trainings and arrivals: rows that say who trains, how it went and when events were accepted.

Owns the tables `leases`, `trainings` and `arrivals`. A lease changes hands inside one transaction, so that of any
number of processes one gets it. Never looks at a clock: "now" is given.
"""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from sqlite3 import Connection
from typing import TypeVar

import msgspec

from coldframe.events.schema import LAST_TIME_US
from coldframe.store.ledger import Lease, TrainingRun
from coldframe.store.sqlite.connections import Readers
from coldframe.store.sqlite.live import micros, moment
from coldframe.store.sqlite.writer import Writer

V = TypeVar("V")

SECOND_MICROS = 1_000_000
_RUNS = msgspec.msgpack.Decoder(TrainingRun)
_TAKE = """INSERT INTO leases (name, owner, taken, beat, expires) VALUES (:name, :owner, :now, :now, :until)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, taken = excluded.taken, beat = excluded.beat,
    expires = excluded.expires WHERE expires <= :now"""
_RENEW = "UPDATE leases SET beat = :now, expires = :until WHERE name = :name AND owner = :owner"


class SQLiteLedger:
    """The part of `SQLiteStore` that keeps the promises of `store.ledger.Ledger`."""

    _readers: Readers
    _writer: Writer

    def take_lease(self, name: str, *, owner: str, now: datetime, until: datetime) -> Lease:
        """Take a lease that is free or ended by `now`; return who holds it afterwards."""
        values = {"name": name, "owner": owner, "now": micros(now), "until": micros(until)}

        def apply(connection: Connection, _sealed: set[str]) -> Lease:
            connection.execute(_TAKE, values)
            return _leases(connection, name)[0]

        return self._writer.write(apply)

    def renew_lease(self, name: str, *, owner: str, now: datetime, until: datetime) -> bool:
        """Hold one's own lease until `until`."""
        values = {"name": name, "owner": owner, "now": micros(now), "until": micros(until)}
        return self._writer.write(lambda connection, _: connection.execute(_RENEW, values).rowcount > 0)

    def release_lease(self, name: str, *, owner: str) -> bool:
        """Give one's own lease back."""
        statement = "DELETE FROM leases WHERE name = ? AND owner = ?"
        return self._writer.write(lambda connection, _: connection.execute(statement, (name, owner)).rowcount > 0)

    def lease(self, name: str) -> Lease | None:
        """Return the lease as it was last taken or renewed, or None."""
        return next(iter(self._look("read a lease", lambda connection: _leases(connection, name))), None)

    def put_training(self, run: TrainingRun) -> None:
        """Insert a training or replace the one with the same `run`."""
        row = (run.run, micros(run.started_at), msgspec.msgpack.encode(run))
        statement = "INSERT INTO trainings VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
        self._writer.write(lambda connection, _: connection.execute(statement, row).rowcount)

    def trainings(self, *, limit: int = 100) -> Iterator[TrainingRun]:
        """Yield the newest trainings first."""
        query = "SELECT body FROM trainings ORDER BY started DESC, id DESC LIMIT ?"
        rows = self._look("read the trainings", lambda connection: connection.execute(query, (limit,)).fetchall())
        return (_RUNS.decode(body) for (body,) in rows)

    def arrivals(self, *, start: datetime | None = None, end: datetime | None = None) -> list[tuple[datetime, int]]:
        """Return how many events were accepted in each second with start ≤ second < end."""
        query = "SELECT second, events FROM arrivals WHERE second >= ? AND second < ? ORDER BY second"
        bounds = (_second(start) if start else 0, _second(end) if end else LAST_TIME_US // SECOND_MICROS)
        rows = self._look("read the arrivals", lambda connection: connection.execute(query, bounds).fetchall())
        return [(moment(second * SECOND_MICROS), events) for second, events in rows]

    def forget_arrivals(self, *, before: datetime) -> None:
        """Drop the seconds before a time."""
        statement, bound = "DELETE FROM arrivals WHERE second < ?", (_second(before),)
        self._writer.write(lambda connection, _: connection.execute(statement, bound).rowcount)

    def _look(self, doing: str, read: Callable[[Connection], V]) -> V:
        with self._readers.reading(doing) as connection:
            return read(connection)


def note_arrivals(connection: sqlite3.Connection, now: datetime, events: int) -> None:
    """Count events accepted at `now`; nothing happens for none."""
    if events:
        connection.execute(
            "INSERT INTO arrivals VALUES (?, ?) ON CONFLICT (second) DO UPDATE SET events = events + excluded.events",
            (_second(now), events),
        )


def _leases(connection: Connection, name: str) -> list[Lease]:
    """Return the one lease of a name, or none."""
    rows = connection.execute("SELECT owner, taken, beat, expires FROM leases WHERE name = ?", (name,))
    return [
        Lease(name=name, owner=owner, taken_at=moment(taken), beat_at=moment(beat), expires_at=moment(expires))
        for owner, taken, beat, expires in rows
    ]


def _second(at: datetime) -> int:
    """Return the whole seconds since 1970, rounded down."""
    return micros(at) // SECOND_MICROS
