"""A disk in memory, driven by what the shim wrote down: what is durable, and what a power cut may leave of the rest.

POSIX promises no more than this: what was written is durable after fsync of the file, and a name after fsync of its
folder. Everything else may be there, may be gone, or may be there in part.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_HEAD = struct.Struct("<c7xqqii")
SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
VARIANTS = ("nothing", "everything", "names", "data", "torn", "some")
"""What survives of all that was not fsynced: nothing; everything, as after kill -9; the names of files without their
data; data without names; everything, the last write of each file torn; each write and name by the toss of a coin."""


class Change(NamedTuple):
    """One change: O create or empty, W write, T truncate, S fsync, R rename, U remove, M make a folder."""

    op: str
    path: str
    other: str
    offset: int
    data: bytes


def changes(log: bytes) -> Iterator[Change]:
    """Yield the changes of a log in order."""
    at = 0
    while at < len(log):
        op, offset, size, path, other = _HEAD.unpack_from(log, at)
        at += _HEAD.size
        parts = [
            log[at : at + path],
            log[at + path : at + path + other],
            log[at + path + other : at + path + other + size],
        ]
        at += path + other + size
        yield Change(op.decode(), parts[0].decode(), parts[1].decode(), offset, parts[2])


@dataclass(eq=False)
class File:
    """Content as last fsynced, and what was done to it since: (offset, data), or (size, None) for a truncation."""

    durable: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def content(self, variant: str, chance: random.Random) -> bytes:
        """Return what a power cut leaves."""
        if variant in ("nothing", "names"):
            return self.durable
        done = bytearray(self.durable)
        for place, (offset, data) in enumerate(self.since):
            last = place == len(self.since) - 1
            if variant == "some" and chance.random() < 0.5:
                continue
            torn = (variant == "torn" and last) or (variant == "some" and chance.random() < 0.3)
            _do(done, offset, _half(data) if torn and data is not None else data)
        return bytes(done)


def _half(data: bytes) -> bytes:
    """Return what a torn write leaves: half of its sectors, or of the only one."""
    return data[: len(data) // 2 // SECTOR * SECTOR or len(data) // 2]


def _do(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


@dataclass(eq=False)
class Folder:
    """Names as last fsynced, and as they are."""

    durable: dict[str, "File | Folder"] = field(default_factory=dict)
    now: dict[str, "File | Folder"] = field(default_factory=dict)


class Disk:
    """All files below one folder."""

    def __init__(self) -> None:
        self.root = Folder()

    def apply(self, change: Change) -> None:
        """Do what the log says."""
        folder, name = self._place(change.path)
        match change.op:
            case "O":
                there = folder.now.get(name)
                if isinstance(there, File):
                    there.since.append((0, None))
                else:
                    folder.now[name] = File()
            case "M":
                folder.now[name] = Folder()
            case "U":
                del folder.now[name]
            case "R":
                into, new = self._place(change.other)
                into.now[new] = folder.now.pop(name)
            case "S":
                _sync(folder.now[name] if name else self.root)
            case _:
                file = folder.now[name]
                assert isinstance(file, File)
                file.since.append((change.offset, change.data if change.op == "W" else None))

    def left(self, variant: str, chance: random.Random) -> dict[str, bytes | None]:
        """Return what a power cut leaves: content by path, None for a folder."""
        found: dict[str, bytes | None] = {}
        _walk(self.root, "", variant, chance, found)
        return found

    def _place(self, path: str) -> tuple[Folder, str]:
        *folders, name = path.split("/")
        at = self.root
        for each in folders:
            inner = at.now[each]
            assert isinstance(inner, Folder)
            at = inner
        return at, name


def _sync(node: File | Folder) -> None:
    if isinstance(node, Folder):
        node.durable = dict(node.now)
        return
    node.durable = node.content("everything", random.Random(0))
    node.since.clear()


def _walk(folder: Folder, path: str, variant: str, chance: random.Random, found: dict[str, bytes | None]) -> None:
    kept = variant in ("everything", "names", "torn") or (variant == "some" and chance.random() < 0.5)
    for name, node in (folder.now if kept else folder.durable).items():
        if isinstance(node, Folder):
            found[path + name] = None
            _walk(node, f"{path}{name}/", variant, chance, found)
        else:
            found[path + name] = node.content(variant, chance)


def write(found: dict[str, bytes | None], folder: Path) -> None:
    """Make a folder hold exactly this."""
    folder.mkdir(parents=True)
    for path, content in found.items():
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)
