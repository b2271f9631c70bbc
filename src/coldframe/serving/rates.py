"""How many requests a second one key may send: a token bucket each.

Owns the arithmetic. Counts requests, not events: a batch is one. Never sleeps and never looks at a clock of its own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from coldframe.serving.keys import Key
from coldframe.serving.problems import RefusedError
from coldframe.settings import ServingSettings

KEYLESS = "keyless"
"""Whose bucket a request without a key draws from: on the loopback address all share one."""


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
        self.at = now
        if self.level >= 1.0:
            self.level -= 1.0
            return 0.0
        return (1.0 - self.level) / self.rate


class RateLimits:
    """The buckets of one process, one a key that has a limit: there are never more than keys."""

    def __init__(self, settings: ServingSettings, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._timer = settings.rate, float(settings.rate_burst), timer
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: Key | None) -> None:
        """Count one request of a key. Raises `RefusedError` with 429 and Retry-After when it sends too many."""
        rate = self._rate if key is None or key.rate is None else key.rate
        if rate <= 0.0:
            return
        name, now = key.id if key else KEYLESS, self._timer()
        bucket = self._buckets.get(name)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[name] = Bucket(rate, self._burst, self._burst, now)
        if (wait := bucket.wait(now)) > 0.0:
            raise RefusedError(
                "rate",
                f"More than {rate:g} requests a second, and {self._burst:g} at once, came with this key.",
                headers={"retry-after": str(int(wait) + 1)},
            )
