"""What the medium's failures are called outside this room.

Owns the translation of SQLite's, Polars' and the system's errors into `StoreError`. Never hides one.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from coldframe.errors import StoreBusyError, StoreError

_REMEDIES = {
    sqlite3.SQLITE_FULL: "Free space on its disk and try again; nothing of this call was kept.",
    sqlite3.SQLITE_IOERR: "Check its disk (space, permissions, hardware) and try again; nothing of this call was kept.",
    sqlite3.SQLITE_READONLY: "Make it writable for this user.",
    sqlite3.SQLITE_CANTOPEN: "Check that the folder exists and that this user may write there.",
    sqlite3.SQLITE_NOTADB: "Name another data folder, or restore this one from a backup.",
    sqlite3.SQLITE_CORRUPT: "Restore it from a backup.",
}
_OTHERWISE = "Check its disk (space, permissions, hardware) and try again; nothing of this call was kept."
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextmanager
def medium(doing: str, place: Path) -> Generator[None]:
    """Turn a failure of the medium into `StoreError`: "Cannot {doing} in {place}: …"."""
    try:
        yield
    except sqlite3.Error as error:
        raise _named(error, f"Cannot {doing} in {place}: {error}.") from error
    except (OSError, pl.exceptions.PolarsError, msgspec.DecodeError) as error:
        raise StoreError(f"Cannot {doing} in {place}: {error}.", remedy=_OTHERWISE) from error


def _named(error: sqlite3.Error, message: str) -> StoreError:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in _BUSY:
        return StoreBusyError(message, remedy="Another process is writing there; try again.")
    return StoreError(message, remedy=_REMEDIES.get(primary, _OTHERWISE))


def closed(place: Path) -> StoreError:
    """Return the error of a call on a store that was closed."""
    return StoreError(f"The store in {place} is closed.", remedy="Open it again.")
