"""Which bundles exist and which one serves.

Owns the folder of bundles, the record beside them (when each was made, its metrics) and the pointer to the one that
serves. Never changes a bundle, and never asks what time it is.
"""

import os
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec

from coldframe import disk
from coldframe.bundle.format import WRITE_LOCK, Bundle, is_sound, open_bundle, read_manifest, write_bundle
from coldframe.bundle.manifest import BUNDLE_ID
from coldframe.bundle.npy import Array
from coldframe.errors import BundleError, UnknownIdError

_RECORD = "registry.json"
_LOCK = ".registry.lock"
_REMOVING = ".removing"
MAX_PROMOTIONS = 100
"""How many promotions are remembered for rolling back."""


class BundleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `coldframe models list`."""

    bundle: str
    created_at: datetime
    promoted: bool
    metrics: dict[str, float] = {}


_Id = Annotated[str, msgspec.Meta(pattern=rf"^{BUNDLE_ID.pattern}\Z")]


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    created_at: datetime
    metrics: dict[str, float] = {}


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """`registry.json`. The last of `promotions` serves; the ones before it are where to roll back to."""

    version: Literal[1] = 1
    bundles: dict[_Id, _Entry] = {}
    promotions: tuple[_Id, ...] = ()


class Registry:
    """A folder of bundles and a pointer to the one that serves.

    Safe for several threads and processes at once: changes are made one at a time and each appears whole or not at all.
    A bundle copied into the folder by hand counts as published, made when its directory was last modified.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(
        self,
        arrays: Mapping[str, Array],
        meta: Mapping[str, Any],
        *,
        created_at: datetime,
        nullable: Collection[str] = (),
    ) -> str:
        """Write a bundle beside the others and return its id; not yet promoted.

        Publishing the same content again returns the same id and keeps its first `created_at` (timezone-aware).
        The numbers in meta["metrics"] are shown by `list`. Raises `BundleError` as `write_bundle` does.
        """
        bundle_id = write_bundle(self._root, arrays, meta, nullable=nullable)
        with self._changing():
            record = self._read()
            if bundle_id not in record.bundles:
                entry = _Entry(created_at=created_at.astimezone(UTC), metrics=_metrics(meta))
                self._write(msgspec.structs.replace(record, bundles=record.bundles | {bundle_id: entry}))
        return bundle_id

    def promote(self, bundle_id: str) -> None:
        """Verify a bundle and let it serve. Raises `UnknownIdError`, or `BundleError` when it is damaged."""
        with self._changing():
            open_bundle(self._path(bundle_id))
            record = self._read()
            if record.promotions[-1:] != (bundle_id,):
                promotions = (*record.promotions, bundle_id)[-MAX_PROMOTIONS:]
                self._write(msgspec.structs.replace(record, promotions=promotions))

    def rollback(self) -> str:
        """Let the bundle serve that was promoted before the present one and is sound; return its id.

        Raises `BundleError`, changing nothing, when there is none.
        """
        with self._changing():
            record = self._read()
            target = self._rollback_target(record)
            if target is None:
                raise BundleError(
                    "There is no earlier sound bundle to roll back to.",
                    remedy="`coldframe models list` shows what there is; promote one of them.",
                )
            self._write(msgspec.structs.replace(record, promotions=record.promotions[: target + 1]))
            return record.promotions[target]

    def promoted(self) -> str | None:
        """Return the id of the bundle that serves, or None before the first promotion. Reads one small file."""
        promotions = self._read().promotions
        return promotions[-1] if promotions else None

    def open(self, bundle_id: str | None = None, *, threads: int = 1) -> Bundle:
        """Return a bundle verified on so many threads, by default the promoted one.

        Raises `UnknownIdError` or `BundleError`.
        """
        if bundle_id is not None:
            return open_bundle(self._path(bundle_id), threads=threads)
        promoted = self.promoted()
        if promoted is None:
            raise BundleError(
                f"No bundle is promoted in {self._root}.",
                remedy="Run `coldframe train`, or `coldframe models promote`.",
            )
        try:
            return open_bundle(self._root / promoted, threads=threads)
        except BundleError:
            if self.promoted() == promoted:
                raise
            return self.open(threads=threads)  # another one was promoted and this one pruned in between

    def manifest(self, bundle_id: str) -> dict[str, Any]:
        """Return a bundle's manifest as plain values: format, version, arrays, meta. Raises `UnknownIdError`."""
        return msgspec.json.decode(msgspec.json.encode(read_manifest(self._path(bundle_id))))

    def prune(self, keep: int) -> Sequence[str]:
        """Remove all but the `keep` newest bundles and return the removed ids, oldest last.

        The bundle that serves and the one a rollback would choose always stay.
        """
        with disk.locked(self._root / WRITE_LOCK), self._changing():
            disk.remove(self._root / _REMOVING)
            record = self._read()
            target = self._rollback_target(record)
            kept = {*record.promotions[-1:], *(() if target is None else (record.promotions[target],))}
            removed = [info.bundle for info in self.list()[max(keep, 0) :] if info.bundle not in kept]
            self._write(
                _Record(
                    bundles={name: entry for name, entry in record.bundles.items() if name not in removed},
                    promotions=tuple(name for name in record.promotions if name not in removed),
                )
            )
            for name in removed:
                self._remove(name)
            return removed

    def list(self) -> list[BundleInfo]:
        """Return every bundle, newest first; an unreadable one is listed too, and refused when opened."""
        record = self._read()
        promoted = record.promotions[-1] if record.promotions else None
        found = [
            BundleInfo(bundle=name, created_at=entry.created_at, promoted=name == promoted, metrics=entry.metrics)
            for name, entry in ((name, record.bundles.get(name) or self._unrecorded(name)) for name in self._names())
            if entry is not None
        ]
        return sorted(found, key=lambda info: (info.created_at, info.bundle), reverse=True)

    def _names(self) -> Sequence[str]:
        if not self._root.is_dir():
            return ()
        with os.scandir(self._root) as entries:
            return [e.name for e in entries if BUNDLE_ID.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]

    def _path(self, bundle_id: str) -> Path:
        path = self._root / bundle_id
        if not BUNDLE_ID.fullmatch(bundle_id) or not path.is_dir():
            raise UnknownIdError(
                f"There is no bundle {bundle_id!r}.", remedy="`coldframe models list` shows the ones there are."
            )
        return path

    def _unrecorded(self, name: str) -> _Entry | None:
        """Return what is known of a bundle that no record names; None when it is gone by now."""
        try:
            modified = (self._root / name).stat().st_mtime
        except FileNotFoundError:
            return None
        return _Entry(created_at=datetime.fromtimestamp(modified, UTC))

    def _rollback_target(self, record: _Record) -> int | None:
        """Return the position in `promotions` of the newest sound bundle before the one that serves."""
        for position in reversed(range(len(record.promotions) - 1)):
            name = record.promotions[position]
            if name != record.promotions[-1] and is_sound(self._root / name):
                return position
        return None

    def _remove(self, name: str) -> None:
        """Take a bundle out of sight in one step, then delete it; a reader that has it mapped keeps it."""
        (self._root / name).rename(self._root / _REMOVING)
        disk.sync(self._root)  # else a power cut could bring the name back without what was in it
        disk.remove(self._root / _REMOVING)

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Be the only one who changes the record. Raises `BundleError` when the disk refuses."""
        try:
            with disk.locked(self._root / _LOCK):
                yield
        except OSError as error:
            raise BundleError(
                f"The registry {self._root} could not be changed: {error.strerror or error}.",
                remedy="It is as it was. Check free space and permissions there, then try again.",
            ) from error

    def _read(self) -> _Record:
        path = self._root / _RECORD
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Record)
        except FileNotFoundError:
            return _Record()
        except (msgspec.DecodeError, OSError) as error:
            raise BundleError(
                f"The registry's record {path} cannot be read: {error}.",
                remedy="The bundles beside it are not touched: delete the file, then promote one of them.",
            ) from error

    def _write(self, record: _Record) -> None:
        disk.replace_file(self._root / _RECORD, msgspec.json.format(msgspec.json.encode(record)))


def _metrics(meta: Mapping[str, Any]) -> dict[str, float]:
    metrics = meta.get("metrics")
    if not isinstance(metrics, dict):
        return {}
    numbers = cast("dict[str, Any]", metrics)
    return {name: float(value) for name, value in numbers.items() if isinstance(value, int | float)}
