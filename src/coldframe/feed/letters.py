"""The dead-letter file: every message that is no event, whole, with its position and the reason.

Owns a file of JSON Lines that only grows and may be moved away at any time. Never decides what is refused.
"""

import base64
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from coldframe import disk
from coldframe.errors import StoreError
from coldframe.feed.message import Message

_LOOK_BYTES = 65_536


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the file. A key or value that is not UTF-8 stands in the field that ends in `_base64`."""

    topic: str
    partition: int
    offset: int
    reason: str
    stamp: int | None = None
    key: str | None = None
    key_base64: str | None = None
    value: str | None = None
    value_base64: str | None = None


class DeadLetters:
    """The file at `path`, made when it is first needed. Several processes may keep letters in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, refused: Sequence[tuple[Message, str]]) -> None:
        """Append messages with their reasons and return when they are on the disk. Raises `StoreError`: then none is.

        A message delivered again is there again, with the same topic, partition and offset.
        """
        if not refused:
            return
        lines = msgspec.json.Encoder().encode_lines([_letter(message, reason) for message, reason in refused])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _append(self.path, lines)
        except OSError as error:
            raise StoreError(
                f"{len(refused)} refused messages cannot be kept in {self.path}: {error.strerror}.",
                remedy="Free space there, or choose another file with --dead-letters.",
            ) from error


def _append(path: Path, lines: bytes) -> None:
    """Write lines after the last whole one: a writer that was killed may have left a piece."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = _whole(descriptor)
        os.ftruncate(descriptor, size)
        try:
            _write(descriptor, lines)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if size == 0:
        disk.sync(path.parent)


def _whole(descriptor: int) -> int:
    """Return the size up to and with the last line's end."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - _LOOK_BYTES)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _letter(message: Message, reason: str) -> DeadLetter:
    parts: dict[str, str] = {}
    for name, data in (("key", message.key), ("value", message.value)):
        if data is None:
            continue
        try:
            parts[name] = data.decode()
        except UnicodeDecodeError:
            parts[f"{name}_base64"] = base64.b64encode(data).decode()
    topic, partition, offset, stamp = message[:4]
    return DeadLetter(topic=topic, partition=partition, offset=offset, reason=reason, stamp=stamp, **parts)
