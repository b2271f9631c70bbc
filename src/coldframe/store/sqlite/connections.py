"""Connections to `store.sqlite`: one kind for all, a pool for the readers.

Owns the pragmas and the begin and end of transactions. Knows no table.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from coldframe.store.sqlite.failures import closed, medium

T = TypeVar("T")

BUSY_SECONDS = 20.0
"""How long a write waits for another program before it gives up; processes of this one wait their turn (`writer`)."""
WAL_BYTES = 64 * 2**20
"""What the write-ahead log is cut back to after a checkpoint."""
CHECKPOINT_PAGES = 8_000
"""Pages of 4 KiB in the log before a checkpoint: ids come in no order, so each group of events touches a thousand."""


READER_CACHE_KIB, WRITER_CACHE_KIB = 4 * 1024, 64 * 1024
"""Pages kept in memory: ids come in no order, so a writer touches pages all over the tables."""


def connect(path: Path, *, cache_kib: int = READER_CACHE_KIB) -> sqlite3.Connection:
    """Open the database, creating an empty file where there is none; every commit is fsynced.

    What is deleted is overwritten with zeros, so that an erased or sealed event is not left in a free page.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Generator[None]:
    """Commit what happens inside, or nothing of it. `DEFERRED` gives a reader one state of everything."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite itself has rolled back already after some failures, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Readers:
    """As many connections as there are reads at once; idle ones are used again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def reading(self, doing: str) -> Generator[sqlite3.Connection]:
        """Yield a connection that sees one state of everything. Raises `StoreError` when closed or unreadable."""
        with self._lent(doing) as connection, transaction(connection, "DEFERRED"):
            yield connection

    def once(self, doing: str, read: Callable[[sqlite3.Connection], T]) -> T:
        """Return what one statement reads, which sees one state by itself. Raises `StoreError` as `reading` does."""
        with self._lent(doing) as connection:
            return read(connection)

    def close(self) -> None:
        """Close what is idle now and the rest when it is given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _lent(self, doing: str) -> Generator[sqlite3.Connection]:
        if self._closed:
            raise closed(self._path.parent)
        with medium(doing, self._path):
            connection = self._borrow()
            try:
                yield connection
            finally:
                self._give_back(connection)

    def _borrow(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()
