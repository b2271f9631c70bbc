"""`coldframe.open`: a project folder in Python, with frames in and frames out.

Owns finding the folder's settings and store. Never checks a row itself and never trains.
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from coldframe.errors import InputError, StoreError
from coldframe.events.frames import items_frame, users_frame
from coldframe.settings import FILE_NAME, Settings, load
from coldframe.store.importing import Kind, import_frame
from coldframe.store.protocol import ImportReport, Store


def open_project(path: str | Path = ".") -> "OpenProject":
    """Open the project in a folder that `coldframe init` made, or the one of a coldframe.toml.

    Raises `SettingsError` for settings that cannot be used and `StoreError` when there is no data folder.
    """
    from coldframe.store.sqlite import SQLiteStore

    path = Path(path)
    config = path / FILE_NAME if path.is_dir() else path
    settings = load(config if config.is_file() else None)
    data = config.parent / settings.store.path
    if not data.is_dir():
        raise StoreError(f"There is no data folder at {data}.", remedy="Run `coldframe init` there first.")
    return OpenProject(SQLiteStore(data, settings.store), settings)


class OpenProject:
    """An open project. Close it, or use it in a `with` statement.

    Frames are pandas, Polars or Arrow: anything that speaks the Arrow C stream interface.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.events = Events(store)
        self.items = Items(store)
        self.users = Users(store)

    def close(self) -> None:
        """Release the store; further calls raise `StoreError`."""
        self.store.close()

    def __enter__(self) -> "OpenProject":
        """Return the project itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the project."""
        self.close()


class Events:
    """The project's event log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, frame: Any) -> ImportReport:
        """Append events by the rules of an event file; the same frame again changes nothing. Raises `ColumnError`."""
        return _import(self._store, "events", frame)

    def frame(self) -> pl.DataFrame:
        """Return every event, columns of `events.schema.EVENT_COLUMNS`, by (timestamp, event_id)."""
        return self._store.scan_events().collect()


class Items:
    """The project's catalogue."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def upsert(self, frame: Any) -> ImportReport:
        """Insert or replace items by the rules of an item file. Raises `ColumnError`."""
        return _import(self._store, "items", frame)

    def frame(self) -> pl.DataFrame:
        """Return every item, columns of `events.frames.items_frame`."""
        return items_frame(self._store.items())


class Users:
    """The project's users."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def upsert(self, frame: Any) -> ImportReport:
        """Insert or replace users by the rules of a user file. Raises `ColumnError`."""
        return _import(self._store, "users", frame)

    def frame(self) -> pl.DataFrame:
        """Return every user, columns of `events.frames.users_frame`."""
        return users_frame(self._store.users())


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a pandas, Polars or Arrow frame as Polars. Raises `InputError` for anything else.

    >>> as_polars(pl.LazyFrame({"item_id": ["a"]})).height
    1
    """
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        if type(frame).__module__.partition(".")[0] == "pandas":
            return pl.from_pandas(frame)
        if hasattr(frame, "__arrow_c_stream__"):
            return pl.DataFrame(frame)
    except ImportError as error:
        raise InputError(f"The frame cannot be read: {error}.", remedy="Install pyarrow, or give Polars.") from error
    raise InputError(
        f"{type(frame).__name__} is no frame.", remedy="Give a pandas, Polars or Arrow frame, or import a file."
    )


def _import(store: Store, kind: Kind, frame: Any) -> ImportReport:
    return import_frame(store, kind, as_polars(frame))
