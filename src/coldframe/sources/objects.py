"""Files in object storage, copied byte by byte with fsspec: any store that has a filesystem for it.

Owns finding them and knowing that a copy is whole. Credentials are the filesystem's own business (environment, files,
instance roles). Never looks into a file.
"""

import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from coldframe import disk
from coldframe.errors import InputError
from coldframe.sources.address import Address
from coldframe.sources.stage import File, Progress, disk_errors

CHUNK = 8 << 20
"""Bytes of a file in memory at a time."""
AT_ONCE = 4
"""Files that are copied at a time."""
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "http": "aiohttp", "https": "aiohttp"}
"""Scheme → the package that brings its filesystem."""


def copied(address: Address, folder: Path, endings: Sequence[str], progress: Progress) -> list[File]:
    """Copy a file, every file with one of the `endings` below a folder, or those that a pattern with * names,
    in order of name.

    Raises `InputError` when there is none, when one cannot be read to its end or changes meanwhile, and `StoreError`
    when the disk refuses.
    """
    files, paths = _found(address, endings)
    names = _names(address, paths)
    made: list[File] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        both = zip(paths, names, strict=True)
        copies = [pool.submit(_copy, address, files, path, folder, name) for path, name in both]
        try:
            for copy in copies:
                made.append(copy.result())
                progress("copy files", len(made), len(paths))
        finally:
            pool.shutdown(cancel_futures=True)
    for place in {(folder / file.name).parent for file in made}:
        disk.sync(place)
    return made


def _found(address: Address, endings: Sequence[str]) -> tuple[Any, list[str]]:
    """Return the filesystem, and the paths in it of the files that are meant."""
    import fsspec

    scheme = address.parts.scheme
    try:
        with _told(address):
            files, path = fsspec.core.url_to_fs(address.url)
            found = _matching(files, path, endings)
    except ImportError as error:
        package = PACKAGES.get(scheme.lower(), "the fsspec package for it")
        raise InputError(f"{address} needs {package}: {error}", remedy=f"pip install {package}") from error
    if not found:
        raise InputError(f"{address} holds no event file.", remedy=f"Files end with {', '.join(endings)}.")
    return files, found


def _matching(files: Any, path: str, endings: Sequence[str]) -> list[str]:
    """Return what a path means: files of a pattern, of a folder, or one file."""
    if "*" in path:
        found = files.glob(path)
    elif files.isfile(path):
        found = [path]
    else:
        found = files.find(path)
    return sorted(one for one in found if PurePosixPath(one).suffix.lower() in endings)


def _names(address: Address, paths: list[str]) -> list[str]:
    """Return the names of the copies: what is left of each path without the folders that all of them share."""
    parents = [PurePosixPath(path).parents for path in paths]
    base = next(one for one in parents[0] if all(one in others for others in parents))
    names = [PurePosixPath(path).relative_to(base) for path in paths]
    if any(".." in name.parts for name in names):
        raise InputError(f"{address} holds a file with .. in its name.", remedy="Give it another name.")
    return list(map(str, names))


def _copy(address: Address, files: Any, path: str, folder: Path, name: str) -> File:
    """Copy one file, and make sure that it is the file that it was before, to its last byte."""
    target, done = folder / name, 0
    called = address.scrubbed(str(files.unstrip_protocol(path)))
    with _told(address, called):
        before, size = _version(files, path), files.size(path)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out, _told(address, called), files.open(path, "rb") as source:
            while data := source.read(CHUNK):
                with disk_errors(target):
                    out.write(data)
                done += len(data)
        disk.sync(target)
    with _told(address, called):
        after = _version(files, path)
    if size is not None and done != size:
        raise InputError(f"{called} ended after {done:,} of {size:,} bytes.", remedy=_AGAIN)
    if before != after:
        raise InputError(f"{called} changed while it was read.", remedy=_AGAIN)
    return File(name, done, called)


def _version(files: Any, path: str) -> str:
    """Return what tells one version of a file from another: its size, time or tag, as the store knows them."""
    files.invalidate_cache()
    return str(files.ukey(path))


_AGAIN = "Nothing of the source was taken. Run again when nobody writes there."
_FOREIGN = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "aiohttp": ("ClientError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "azure.core.exceptions": ("AzureError",),
}
"""Modules that filesystems are built on, and the errors of theirs that are no OSError."""


@contextmanager
def _told(address: Address, called: str = "") -> Generator[None]:
    """Turn what a filesystem raises into an `InputError` that names the file."""
    try:
        yield
    except _failures() as error:
        reason = address.scrubbed(" ".join(str(error).split())) or type(error).__name__
        raise InputError(
            f"{called or address} cannot be read to its end: {reason}.",
            remedy="Nothing of the source was taken. Check the address and the rights to it, and run again.",
        ) from None


def _failures() -> tuple[type[Exception], ...]:
    """Return what filesystems raise, as far as it is loaded: asked once something was raised, since they load late."""
    loaded = ((sys.modules[module], names) for module, names in _FOREIGN.items() if module in sys.modules)
    return (OSError, ValueError, EOFError, *(getattr(module, name) for module, names in loaded for name in names))
