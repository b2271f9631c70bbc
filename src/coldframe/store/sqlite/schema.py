"""The tables of `store.sqlite`, one migration a version.

Owns their shape and the way from every earlier one. Never reads or writes a row of a table.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from coldframe.disk import locked
from coldframe.errors import StoreError
from coldframe.store.sqlite.connections import connect, transaction

APPLICATION_ID = 0x636F6C64
"""Marks the file as ours: "cold" in ASCII."""

_FIRST = (
    """CREATE TABLE live_events (
        seq INTEGER PRIMARY KEY,
        event_id TEXT NOT NULL UNIQUE,
        user_id TEXT,
        session_id TEXT,
        item_id TEXT NOT NULL,
        event_type TEXT NOT NULL,
        timestamp INTEGER NOT NULL,
        value REAL,
        recommendation_id TEXT,
        position INTEGER,
        context TEXT
    )""",
    "CREATE INDEX live_by_actor ON live_events (coalesce(user_id, session_id), timestamp)",
    "CREATE INDEX live_by_time ON live_events (timestamp)",
    """CREATE TABLE segments (
        name TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        rows INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        source TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX segments_by_run ON segments (run)",
    "CREATE TABLE runs (name TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE items (id TEXT PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE users (id TEXT PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE impressions (id TEXT PRIMARY KEY, timestamp INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX impressions_by_time ON impressions (timestamp, id)",
    "CREATE TABLE rejects (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO counters VALUES ('catalogue', 0)",
)

_TRAININGS = (
    """CREATE TABLE leases (
        name TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        taken INTEGER NOT NULL,
        beat INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE trainings (id TEXT PRIMARY KEY, started INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX trainings_by_start ON trainings (started, id)",
    "CREATE TABLE arrivals (second INTEGER PRIMARY KEY, events INTEGER NOT NULL)",
)

_PERSONS = (
    "CREATE TABLE merges (session TEXT PRIMARY KEY, user TEXT NOT NULL, merged INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX merges_by_user ON merges (user, session)",
    """CREATE TABLE erasures (
        id TEXT PRIMARY KEY,
        asked INTEGER NOT NULL,
        digest TEXT NOT NULL,
        user TEXT,
        body BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX erasures_unfinished ON erasures (user) WHERE user IS NOT NULL",
    "CREATE INDEX erasures_by_digest ON erasures (digest)",
    "CREATE INDEX erasures_by_time ON erasures (asked, id)",
    "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "INSERT INTO secrets VALUES ('erasures', randomblob(32))",
    "INSERT INTO counters VALUES ('identity', 0)",
)

_SERIALS = (
    "ALTER TABLE live_events RENAME TO live_before",
    _FIRST[0].replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT", 1),
    "INSERT INTO live_events SELECT * FROM live_before",
    "DROP TABLE live_before",
    *_FIRST[1:3],
    """INSERT INTO sqlite_sequence SELECT 'live_events', 0
        WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'live_events')""",
    "ALTER TABLE segments ADD COLUMN serial INTEGER",
)
"""From here on `seq` is never given twice: it numbers events in the order in which they were accepted."""

_CHANGES = (
    "ALTER TABLE items ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX items_by_change ON items (changed, id)",
    "CREATE TABLE removed_items (id TEXT PRIMARY KEY, changed INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX removed_by_change ON removed_items (changed)",
)
"""From here on an item says at which version of the catalogue it last changed; 0: before that was noted."""

MIGRATIONS: tuple[Sequence[str], ...] = (_FIRST, _TRAININGS, _PERSONS, _SERIALS, _CHANGES)
"""The statements that lead from version n to n + 1."""


def prepare(path: Path, lock: Path) -> None:
    """Create the database or bring it to the newest version, one process at a time. Raises `StoreError`."""
    connection = connect(path)
    try:
        if (version(connection), owner(connection)) != (len(MIGRATIONS), APPLICATION_ID):
            with locked(lock):
                migrate(connection, path, MIGRATIONS)
    finally:
        connection.close()


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]]) -> None:
    """Bring the tables to the newest version, in one transaction.

    Raises `StoreError` for the file of another program or of a newer coldframe; the caller holds the lock.
    """
    _refuse_foreign(connection, path, len(migrations))
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        for statement in chain.from_iterable(migrations[version(connection) :]):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0: there are none yet."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def owner(connection: sqlite3.Connection) -> int:
    """Return which program the file says it belongs to; 0: none."""
    return connection.execute("PRAGMA application_id").fetchone()[0]


def _refuse_foreign(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner(connection) != APPLICATION_ID and tables:
        raise StoreError(f"{path} is another program's SQLite file.", remedy="Name another data folder.")
    if version(connection) > newest:
        raise StoreError(
            f"{path} has version {version(connection)}, and this coldframe knows versions up to {newest}.",
            remedy="Upgrade coldframe, or restore the backup made before the upgrade.",
        )
