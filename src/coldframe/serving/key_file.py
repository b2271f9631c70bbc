"""`keys.json` in the data folder: which API keys there are.

Owns the file: mode 600, replaced as a whole, one writer at a time, read again when it changes. A file, not a table of
the store, so that a backup of the events carries no credentials, and so that a key can be revoked while the store is
busy, full or broken. Never holds a token, only hashes.
"""

import logging
import os
import stat
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from coldframe import disk
from coldframe.clock import Clock
from coldframe.errors import AccessError, UnknownIdError
from coldframe.serving.keys import Key, KeyRing, NewKey, Scope, new_key

NAME = "keys.json"
MODE = 0o600
EVERY_SECONDS = 0.5
"""How often a service looks whether the file has changed."""
logger = logging.getLogger("coldframe.serving")


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: list[Key]


class KeyFile:
    """The keys of one data folder."""

    def __init__(self, data: Path) -> None:
        self.path = data / NAME
        self._lock = data / "keys.lock"

    def read(self) -> list[Key]:
        """Return every key, revoked ones too, in order of creation; none without a file.

        Raises `AccessError` when the file cannot be read, or when others could have written it.
        """
        try:
            mode = self.path.stat().st_mode
            content = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unusable(self.path, error.strerror or str(error)) from error
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _unusable(self.path, "others may write it", f"chmod 600 {self.path}")
        try:
            return msgspec.json.decode(content, type=_Content).keys
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unusable(self.path, str(error)) from error

    def create(self, name: str, scopes: Iterable[Scope], *, clock: Clock, rate: float | None = None) -> NewKey:
        """Add a key and return it with its token, which is kept nowhere. Raises `AccessError`."""
        made = new_key(name, scopes, now=clock(), rate=rate)
        with disk.locked(self._lock):
            self._write([*self.read(), made.key])
        return made

    def revoke(self, key_id: str, *, clock: Clock) -> Key:
        """Let a key open no more; one that was revoked before stays as it is. Raises `UnknownIdError`."""
        with disk.locked(self._lock):
            keys = self.read()
            found = next((key for key in keys if key.id == key_id), None)
            if found is None:
                raise UnknownIdError(f"There is no key {key_id!r}.", remedy="`coldframe keys list` shows the ids.")
            if found.revoked_at is not None:
                return found
            revoked = replace(found, revoked_at=clock())
            self._write([revoked if key is found else key for key in keys])
        return revoked

    def signature(self) -> tuple[int, int, int] | None:
        """Return what differs when the file was replaced; None without a file."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _write(self, keys: list[Key]) -> None:
        body = msgspec.json.format(msgspec.json.encode(_Content(keys)), indent=1)
        try:
            disk.replace_file(self.path, body + b"\n", mode=MODE)
        except OSError as error:
            raise _unusable(self.path, error.strerror or str(error)) from error


class WatchedKeys:
    """The keys as they are now, to within half a second; a file that breaks keeps the keys that were read before."""

    def __init__(
        self, file: KeyFile | None, bootstrap: Key | None, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file. Raises `AccessError`."""
        self._file, self._bootstrap, self._timer = file, bootstrap, timer
        self._signature = file.signature() if file else None
        self._looked_at = timer()
        keys = file.read() if file else []
        self._ring, self.ever = KeyRing(keys, bootstrap), bool(keys or bootstrap)
        """`ever`: whether there was a key at any time, revoked or not. What was closed once stays closed."""

    def ring(self) -> KeyRing:
        """Return the keys that open now."""
        now = self._timer()
        if self._file is not None and now - self._looked_at >= EVERY_SECONDS:
            self._looked_at = now
            self._look(self._file)
        return self._ring

    def _look(self, file: KeyFile) -> None:
        signature = file.signature()
        if signature == self._signature:
            return
        self._signature = signature
        try:
            keys = file.read()
        except AccessError as error:
            logger.error("the keys stay as they were: %s", error)
            return
        self._ring, self.ever = KeyRing(keys, self._bootstrap), self.ever or bool(keys)
        logger.info("%s keys open now", len(self._ring))


def _unusable(path: Path, reason: str, remedy: str = "") -> AccessError:
    return AccessError(
        f"{path} cannot be used: {reason}.",
        remedy=remedy or "Restore it, or remove it and make new keys: `coldframe keys create`.",
    )
