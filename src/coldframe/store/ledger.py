"""What a store remembers about trainings: who may train now, how each went, and when events were accepted.

Owns the shape of these records and what a store promises about them. Never starts a training and never asks the time.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

Outcome = Literal["running", "promoted", "kept", "failed", "stopped", "lost"]
"""promoted: serves; kept: published only; stopped: ended on purpose; lost: its process died without a word."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who alone may do a thing, since when, when the holder last gave a sign of life, and until when it holds."""

    name: str
    owner: str
    taken_at: datetime
    beat_at: datetime
    expires_at: datetime


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes from "event accepted" to "in a served model", over the events that one training added."""

    events: int
    p50_minutes: float
    p95_minutes: float


class TrainingRun(msgspec.Struct, frozen=True, kw_only=True):
    """One training: who, when, what came of it, what it saw.

    `as_of` is None for a training up to the newest event. `read_at`: events accepted before it are in the model, as far
    as the window reaches. `seconds` per step. `message` says what went wrong, or what
    there was no time for.
    """

    run: str
    owner: str
    started_at: datetime
    as_of: datetime | None = None
    outcome: Outcome = "running"
    ended_at: datetime | None = None
    read_at: datetime | None = None
    promoted_at: datetime | None = None
    bundle: str | None = None
    events: int | None = None
    newest_event: datetime | None = None
    freshness: Freshness | None = None
    seconds: dict[str, float] = {}
    message: str = ""


@runtime_checkable
class Ledger(Protocol):
    """Leases, trainings and arrivals. Every method that writes is durable and atomic, as in `Store`."""

    def take_lease(self, name: str, *, owner: str, now: datetime, until: datetime) -> Lease:
        """Take a lease that is free or ended by `now`; return who holds it afterwards: `owner`, or somebody else."""
        ...

    def renew_lease(self, name: str, *, owner: str, now: datetime, until: datetime) -> bool:
        """Hold one's own lease until `until`; False, changing nothing, when it is not one's own any more."""
        ...

    def release_lease(self, name: str, *, owner: str) -> bool:
        """Give one's own lease back; False, changing nothing, when it is not one's own any more."""
        ...

    def lease(self, name: str) -> Lease | None:
        """Return the lease as it was last taken or renewed, also when it has ended since; None: given back or never."""
        ...

    def put_training(self, run: TrainingRun) -> None:
        """Insert a training or replace the one with the same `run`."""
        ...

    def trainings(self, *, limit: int = 100) -> Iterator[TrainingRun]:
        """Yield the newest trainings first, by `started_at`, at most `limit`."""
        ...

    def arrivals(self, *, start: datetime | None = None, end: datetime | None = None) -> list[tuple[datetime, int]]:
        """Return how many events were accepted in each second with start ≤ second < end, in order of time.

        Live and imported events alike; a second without any is left out. Seconds, not events, are kept, so sealing
        changes nothing.
        """
        ...

    def forget_arrivals(self, *, before: datetime) -> None:
        """Drop the seconds before a time; the events stay."""
        ...
