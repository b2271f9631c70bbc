"""Where a command works: the project's `coldframe.toml`, its settings, its store and its bundles.

Owns finding and opening them. Never writes anything into them.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from coldframe.cli.group import Invocation
from coldframe.errors import InputError, SettingsError, StoreError

if TYPE_CHECKING:
    from coldframe.bundle.registry import Registry
    from coldframe.serving.engine import Engine
    from coldframe.settings import Settings
    from coldframe.store.protocol import Store


@dataclass(frozen=True)
class Project:
    """A folder with settings and data; `config` is None where defaults, environment and flags say everything."""

    config: Path | None
    settings: "Settings"

    @property
    def data(self) -> Path:
        """The data folder: `store.path`, relative to coldframe.toml (or to the working directory without one)."""
        base = self.config.parent if self.config else Path.cwd()
        return base / self.settings.store.path

    @contextmanager
    def store(self) -> "Generator[Store]":
        """Yield the open store. Raises `StoreError` when there is no data folder."""
        self.require_data()
        from coldframe.store.sqlite import SQLiteStore

        store = SQLiteStore(self.data, self.settings.store)
        try:
            yield store
        finally:
            store.close()

    def registry(self) -> "Registry":
        """Return the bundles of this project."""
        self.require_data()
        from coldframe.bundle.registry import Registry

        return Registry(self.data / "bundles")

    @contextmanager
    def engine(self) -> "Generator[Engine]":
        """Yield the recommender in process, with the promoted bundle live."""
        from coldframe.serving.engine import Engine

        with self.store() as store:
            engine = Engine(store, self.registry(), self.settings)
            engine.refresh()
            yield engine

    def require_data(self) -> None:
        """Raise `StoreError` when there is no data folder."""
        if not self.data.is_dir():
            raise StoreError(
                f"There is no data folder at {self.data}.",
                remedy="Run `coldframe init` first, or name a project with --config PATH.",
            )


LIBRARIES = {
    "train": ("scipy", "numba", "jax", "optax", "lightgbm"),
    "pipeline": ("numba", "pyarrow"),
    "cloud": ("fsspec",),
    "postgresql": ("adbc_driver_postgresql", "pyarrow"),
    "bigquery": ("google.cloud.bigquery", "google.cloud.bigquery_storage", "pyarrow"),
    "kafka": ("confluent_kafka",),
    "telemetry": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
}
"""What a command needs beyond an install that only serves, by the extra that brings it."""


def require_extra(extra: str) -> None:
    """Raise `InputError` where the libraries of an extra are not installed."""
    missing = [name for name in LIBRARIES[extra] if not _installed(name)]
    if missing:
        raise InputError(
            f"This install has no {', '.join(missing)}, which this command needs.",
            remedy=f"pip install 'coldframe[{extra}]'",
        )


def _installed(name: str) -> bool:
    """Return whether a library is there, without importing it."""
    parent, dot, _ = name.rpartition(".")
    return (not dot or _installed(parent)) and find_spec(name) is not None


def open_project(ctx: typer.Context) -> Project:
    """Return the project that this invocation means. Raises `SettingsError`."""
    config = ctx.ensure_object(Invocation).config
    if config is not None and not config.is_file():
        raise SettingsError(f"There is no file {config}.", remedy="Check --config, or run `coldframe init`.")
    return project_at(ctx, config or find_config(Path.cwd()))


def project_at(ctx: typer.Context, config: Path | None) -> Project:
    """Return the project of a coldframe.toml, with this invocation's flags on top. Raises `SettingsError`."""
    from coldframe.settings import load

    config = config.resolve() if config else None
    return Project(config, load(config, flags=ctx.ensure_object(Invocation).flags))


def find_config(folder: Path) -> Path | None:
    """Return the nearest coldframe.toml in a folder or above it."""
    from coldframe.settings import FILE_NAME

    candidates = (parent / FILE_NAME for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)
