"""A bundle on disk: written beside, hashed, fsynced, renamed; read back only when every byte is as declared.

Owns `write_bundle` and `open_bundle`; docs/bundle-spec.md is the same thing in words. Never runs, imports or unpickles
anything from a bundle, and never writes into one that exists.
"""

import io
import os
import stat
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from coldframe import disk
from coldframe.bundle import manifest, npy
from coldframe.bundle.manifest import ArrayEntry, Manifest, refusal
from coldframe.bundle.npy import Array
from coldframe.errors import BundleError
from coldframe.pacing import in_parallel
from coldframe.scoring import texts

WRITE_LOCK = ".write.lock"
_WRITING = ".writing"
_BROKEN = ".broken"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle: read-only arrays mapped from disk and what the trainer said about them.

    `arrays[name]` raises `BundleError` for an array the bundle does not hold; `name in arrays` asks first.
    """

    id: str
    arrays: Mapping[str, Array]
    meta: dict[str, Any]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts written with `encode_texts(name, …)`. Raises `BundleError` when they are not there."""
        return texts.decode_texts(self.arrays[name + texts.BLOB], self.arrays[name + texts.OFFSETS])


class _Arrays(dict[str, Array]):
    """Arrays by name, telling of a missing one in words."""

    def __missing__(self, name: str) -> Array:
        raise BundleError(
            f"The bundle holds no array {name!r}; what it holds: {', '.join(sorted(self)) or 'nothing'}.",
            remedy="Train again with this version of coldframe, or promote a bundle that it wrote.",
        )


def write_bundle(
    root: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any], *, nullable: Collection[str] = ()
) -> str:
    """Write arrays and meta as a bundle below `root` and return its id, the name of its directory.

    The same arrays and meta give the same id and the same bytes; a bundle that is there already and sound is kept as it
    is. Float arrays must be finite unless named in `nullable`. Nothing is visible below `root` until everything is
    durable: a full disk or a kill leaves no half bundle, and the next write clears its remains.
    Raises `BundleError` for an array or meta that cannot be held, and when the disk refuses.
    """
    _check_writable(arrays, nullable)
    try:
        with disk.locked(root / WRITE_LOCK):
            return _write_locked(root, arrays, meta, nullable)
    except OSError as error:
        raise BundleError(
            f"The bundle could not be written below {root}: {error.strerror or error}.",
            remedy="Nothing of it was kept. Check free space and permissions there, then train again.",
        ) from error


def open_bundle(path: Path, *, verify: bool = True, threads: int = 1) -> Bundle:
    """Return the bundle in directory `path`, its arrays mapped read-only.

    Names, sizes, headers, dtypes and shapes are always checked; with `verify` also every file's SHA-256 and the values
    that the manifest calls finite, so many files at once as there are `threads`. Raises `BundleError`, which names the
    file, before anything declared is allocated.
    """
    with _naming(path):
        declared = manifest.decode(_read_manifest(path))
        _check_files(path, declared)
        opened = in_parallel(lambda entry: _open_array(path, entry, verify), declared.arrays.values(), threads)
        arrays = _Arrays(zip(declared.arrays, opened, strict=True))
    return Bundle(path.name, MappingProxyType(arrays), declared.meta)


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of the bundle in directory `path` without opening its arrays. Raises `BundleError`."""
    with _naming(path):
        return manifest.decode(_read_manifest(path))


def is_sound(path: Path) -> bool:
    """Return whether `open_bundle` accepts the bundle in directory `path`."""
    try:
        open_bundle(path)
    except BundleError:
        return False
    return True


def _check_writable(arrays: Mapping[str, Array], nullable: Collection[str]) -> None:
    if unknown := sorted(set(nullable) - set(arrays)):
        raise BundleError(f"There is no array {unknown[0]!r} to be nullable.", remedy="Name arrays that are given.")
    for name, array in arrays.items():
        if not manifest.ARRAY_NAME.fullmatch(name):
            raise BundleError(
                f"A bundle cannot hold an array named {name!r}.",
                remedy="Use up to 100 of a-z, 0-9, '_', '.', '-', beginning with a letter or digit.",
            )
        npy.dtype_name(array)
        if array.ndim > npy.MAX_DIMENSIONS:
            raise BundleError(f"Array {name!r} has {array.ndim} dimensions.", remedy=f"Use ≤ {npy.MAX_DIMENSIONS}.")
        if name not in nullable and not npy.is_finite(array):
            raise BundleError(
                f"Array {name!r} holds NaN or infinity.",
                remedy="Find out why training produced it, or name the array in nullable when it may.",
            )


def _write_locked(root: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any], nullable: Collection[str]) -> str:
    beside = root / _WRITING
    disk.remove(beside)
    beside.mkdir()
    try:
        entries = {name: _write_array(beside, name, arrays[name], name not in nullable) for name in sorted(arrays)}
        data = manifest.encode(Manifest(arrays=entries, meta=dict(meta)))
        if len(data) > manifest.MAX_BYTES:
            raise BundleError("The bundle's meta is larger than 16 MiB.", remedy="Put large tables into arrays.")
        disk.write_file(beside / manifest.FILE_NAME, data)
        disk.sync(beside)
        _make_visible(beside, root / manifest.bundle_id(data))
    finally:
        disk.remove(beside)
    return manifest.bundle_id(data)


def _write_array(folder: Path, name: str, array: Array, finite: bool) -> ArrayEntry:
    dtype = npy.dtype_name(array)
    file = f"{name}.npy"
    sha256 = npy.write(folder / file, array)
    size = npy.file_size(dtype, array.shape)
    return ArrayEntry(file=file, dtype=dtype, shape=array.shape, bytes=size, sha256=sha256, finite=finite)


def _make_visible(beside: Path, target: Path) -> None:
    """Rename a complete bundle to its id, in the place of a damaged one with that id if need be."""
    broken = target.with_name(_BROKEN)
    disk.remove(broken)
    if target.is_dir():
        if is_sound(target):
            return
        target.rename(broken)
    beside.rename(target)
    disk.sync(target.parent)
    disk.sync(target.parent.parent)
    disk.remove(broken)


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Say of everything refused inside which bundle it is."""
    try:
        yield
    except BundleError as error:
        raise BundleError(f"Bundle {path.name} is refused: {error.message}.", remedy=error.remedy) from error
    except OSError as error:
        what = f"{error.filename or path} cannot be read ({error.strerror or error})"
        raise BundleError(f"Bundle {path.name} is refused: {what}.", remedy=refusal("").remedy) from error


def _read_manifest(path: Path) -> bytes:
    match = manifest.BUNDLE_ID.fullmatch(path.name)
    if match is None:
        raise refusal(f"{path.name!r} is not a bundle's name")
    if int(match[1]) != manifest.VERSION:
        raise manifest.newer_version(int(match[1]))
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise refusal("it is not a directory")
    with _open_regular(path / manifest.FILE_NAME) as file:
        size = os.fstat(file.fileno()).st_size
        if size > manifest.MAX_BYTES:
            raise refusal(f"its {manifest.FILE_NAME} has {size} bytes, more than {manifest.MAX_BYTES}")
        data = file.read(manifest.MAX_BYTES + 1)
    if manifest.bundle_id(data) != path.name:
        raise refusal(f"its {manifest.FILE_NAME} was changed or the directory renamed: the two no longer agree")
    return data


def _check_files(path: Path, declared: Manifest) -> None:
    expected = {manifest.FILE_NAME, *(entry.file for entry in declared.arrays.values())}
    found = set(os.listdir(path))
    if missing := sorted(expected - found):
        raise refusal(f"{missing[0]} is missing")
    if extra := sorted(found - expected):
        raise refusal(f"{extra[0]!r} does not belong to it")


def _open_array(folder: Path, entry: ArrayEntry, verify: bool) -> Array:
    with _open_regular(folder / entry.file) as file:
        size = os.fstat(file.fileno()).st_size
        if size != entry.bytes:
            raise refusal(f"{entry.file} has {size} bytes instead of {entry.bytes}")
        header = npy.header(entry.dtype, entry.shape)
        if file.read(len(header)) != header:
            raise refusal(f"the header of {entry.file} does not say {entry.dtype} of shape {entry.shape}")
        if verify:
            file.seek(0)
            if npy.digest(file) != entry.sha256:
                raise refusal(f"{entry.file} does not have the content its SHA-256 names")
        array = npy.map_file(file, entry.dtype, entry.shape)
    if verify:
        _check_values(entry, array)
    return array


def _check_values(entry: ArrayEntry, array: Array) -> None:
    if entry.finite and not npy.is_finite(array):
        raise refusal(f"{entry.file} holds NaN or infinity although declared finite")
    if entry.dtype == "bool" and not npy.is_boolean(array):
        raise refusal(f"{entry.file} holds bytes other than 0 and 1 although declared bool")


@contextmanager
def _open_regular(path: Path) -> Generator[io.BufferedReader]:
    """Open a plain file for reading; a link, a pipe or a device is refused without being read."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise refusal(f"{path.name} is not a plain file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        yield file
