"""The few moves that make files durable, whole and alone.

Owns fsync, rename, removal, the lock between processes, and what is said when a disk refuses. Knows nothing of what is
written.
"""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from coldframe.errors import StoreError


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Generator[bool]:
    """Hold the lock file `path`; yield False, without waiting, when somebody else does and `wait` is False.

    Threads of one process exclude each other like processes do. A holder that dies lets go. A folder that is not there
    yet is made.
    """
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        yield _take(descriptor, wait)
    finally:
        os.close(descriptor)


def _take(descriptor: int, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync(path: Path) -> None:
    """Make a file's content, or the names in a directory, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a directory that may be there, and those above it; what is new is durable."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync(path.parent)


def write_file(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a new file and fsync it. Raises `FileExistsError` when there is one."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Give a file new content: a reader sees the old or the new, also after a power cut. The caller holds a lock."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    write_file(beside, data, mode=mode)
    beside.replace(path)
    sync(path.parent)


def put_in_place(beside: Path, final: Path) -> None:
    """Give a finished, synced file or directory its name, durably. What had the name before is gone."""
    if final.is_dir():
        remove(final)
    beside.replace(final)
    sync(final.parent)


def remove(path: Path) -> None:
    """Remove a file or a directory with all in it; nothing happens when there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sweep(folder: Path, keep: set[str]) -> None:
    """Remove everything in a folder that is not named in `keep`."""
    for path in folder.iterdir():
        if path.name not in keep:
            remove(path)


@contextmanager
def refusals(path: Path, *, remedy: str) -> Generator[None]:
    """Turn what the disk refuses into a `StoreError` that names the file and says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path} could not be written: {error.strerror or error}.", remedy=remedy) from error
