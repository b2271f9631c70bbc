"""How many requests a second one key may send: a token bucket each, one for all workers of a server.

Owns the arithmetic and the files of shared buckets. Counts requests, not events: a batch is one. Never sleeps and never
looks at a clock of its own.
"""

import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coldframe.serving.keys import Key
from coldframe.serving.problems import RefusedError
from coldframe.settings import ServingSettings

KEYLESS = "keyless"
"""Whose bucket a request without a key draws from: on the loopback address all share one."""
_LEVEL = struct.Struct("dd")


@dataclass
class Bucket:
    """Holds at most `burst` requests and gains `rate` a second.

    >>> bucket = Bucket(rate=2.0, burst=1.0, level=1.0, at=0.0)
    >>> [bucket.wait(now) for now in (0.0, 0.0, 0.5)]
    [0.0, 0.5, 0.0]
    """

    rate: float
    burst: float
    level: float
    at: float

    def wait(self, now: float) -> float:
        """Take one request at `now` (seconds) and return 0, or take none and return how long until there is one."""
        self.level = min(self.burst, self.level + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)
        if self.level >= 1.0:
            self.level -= 1.0
            return 0.0
        return (1.0 - self.level) / self.rate


@dataclass
class SharedBucket(Bucket):
    """A bucket whose level lies in a file. `at` is of the machine's one monotonic clock, which all processes share."""

    path: Path

    def wait(self, now: float) -> float:
        """Do as `Bucket` does, on what other processes have left."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if kept := os.pread(file, _LEVEL.size, 0):
                self.level, self.at = _LEVEL.unpack(kept)
            wait = super().wait(now)
            os.pwrite(file, _LEVEL.pack(self.level, self.at), 0)
            return wait
        finally:
            os.close(file)


class RateLimits:
    """The buckets of a server, one a key that has a limit: there are never more than keys."""

    def __init__(
        self, settings: ServingSettings, *, folder: Path | None = None, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """`folder` is that of the server's workers, if there are several."""
        self._rate, self._burst, self._timer, self._folder = settings.rate, float(settings.rate_burst), timer, folder
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: Key | None) -> None:
        """Count one request of a key. Raises `RefusedError` with 429 and Retry-After when it sends too many."""
        rate = self._rate if key is None or key.rate is None else key.rate
        if rate <= 0.0:
            return
        name, now = key.id if key else KEYLESS, self._timer()
        bucket = self._buckets.get(name)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[name] = self._bucket(name, rate, now)
        if (wait := bucket.wait(now)) > 0.0:
            raise RefusedError(
                "rate",
                f"More than {rate:g} requests a second, and {self._burst:g} at once, came with this key.",
                headers={"retry-after": str(int(wait) + 1)},
            )

    def _bucket(self, name: str, rate: float, now: float) -> Bucket:
        if self._folder is None:
            return Bucket(rate, self._burst, self._burst, now)
        file = hashlib.sha256(f"{name} {rate}".encode()).hexdigest()[:32]
        return SharedBucket(rate, self._burst, self._burst, now, self._folder / f"{file}.rate")
