"""The embedded store: live events in SQLite, sealed events in Parquet. `docs/store.md` says what lies where."""

from coldframe.store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
