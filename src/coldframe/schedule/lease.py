"""One training at a time, on any number of processes: the lease, and the heartbeat that keeps it.

Owns how long a lease holds and what is said to who comes second. Never trains.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta

from coldframe.clock import Clock
from coldframe.errors import StoreBusyError, StoreError
from coldframe.schedule.plan import LEASE
from coldframe.settings import ScheduleSettings
from coldframe.store.ledger import Lease, Ledger

BEATS = 3
"""Signs of life within the time that a lease holds: two may fail."""
TICK_SECONDS = 1.0
logger = logging.getLogger("coldframe.schedule")


def owner_text(command: str, run: str) -> str:
    """Return how a holder is named to people: the command, its process, its machine and its training."""
    return f"{command}, process {os.getpid()} on {socket.gethostname()}, training {run}"


def nothing() -> None:
    """Do nothing."""


class Held:
    """A lease that is held, or was."""

    def __init__(self, ledger: Ledger, owner: str, lasting: timedelta, clock: Clock) -> None:
        self._ledger, self._owner, self._lasting, self._clock = ledger, owner, lasting, clock
        self._mine = True

    def renew(self) -> None:
        """Give a sign of life. Raises `StoreError` when the store refuses it."""
        now = self._clock()
        self._mine = self._ledger.renew_lease(LEASE, owner=self._owner, now=now, until=now + self._lasting)

    def check(self) -> None:
        """Raise `StoreBusyError` when a beat found that somebody else has taken the lease."""
        if not self._mine:
            raise StoreBusyError(
                f"The lease of this training ({self._owner}) ended without a sign of life, and another has taken it.",
                remedy="Nothing was promoted. Was the machine asleep? If not, raise schedule.lease_minutes.",
            )


@contextmanager
def holding(
    ledger: Ledger, owner: str, settings: ScheduleSettings, clock: Clock, on_tick: Callable[[], None] = nothing
) -> Generator[Held]:
    """Hold the lease of trainings, with a heartbeat from a thread, which calls `on_tick` about every second.

    Raises `StoreBusyError`, which names the holder, while another holds it.
    """
    now, lasting = clock(), timedelta(minutes=settings.lease_minutes)
    lease = ledger.take_lease(LEASE, owner=owner, now=now, until=now + lasting)
    if lease.owner != owner:
        raise taken(lease)
    held, stop = Held(ledger, owner, lasting, clock), threading.Event()
    beat = threading.Thread(target=_beat, args=(held, stop, lasting, on_tick), name="coldframe-lease", daemon=True)
    beat.start()
    try:
        yield held
    finally:
        stop.set()
        beat.join()
        give_back(ledger, owner)


def taken(lease: Lease) -> StoreBusyError:
    """Return the error for who comes second."""
    return StoreBusyError(
        f"A training is running already: {lease.owner}, since {lease.taken_at:%Y-%m-%d %H:%M:%S} UTC,"
        f" last sign of life at {lease.beat_at:%H:%M:%S}.",
        remedy=f"Wait for it (`coldframe runs` shows it). If it is dead, its lease ends at"
        f" {lease.expires_at:%Y-%m-%d %H:%M:%S} UTC: try again then.",
    )


def give_back(ledger: Ledger, owner: str) -> None:
    """Give a lease back; one that the store refuses to give back is logged and ends by itself."""
    try:
        ledger.release_lease(LEASE, owner=owner)
    except StoreError as error:
        logger.error("the lease of %s was not given back and ends by itself: %s", owner, error)


def _beat(held: Held, stop: threading.Event, lasting: timedelta, on_tick: Callable[[], None]) -> None:
    """Renew until told to stop; a beat that the store refuses is logged, and the next one may succeed."""
    between = lasting.total_seconds() / BEATS
    tick, waited = min(TICK_SECONDS, between), 0.0
    while not stop.wait(tick):
        on_tick()
        waited += tick
        if waited >= between:
            waited = 0.0
            try:
                held.renew()
            except StoreError as error:
                logger.warning("a sign of life was not written: %s", error)
