"""The few moves that make a write durable, atomic and alone.

Owns locks between processes and threads, fsync and rename. Knows nothing of what is written.
"""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Generator[None]:
    """Hold the lock file `path`, waiting for whoever holds it; a holder that dies lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_directory(path: Path) -> None:
    """Remove a directory and what is in it; nothing happens when there is none."""
    if path.exists():
        shutil.rmtree(path)
