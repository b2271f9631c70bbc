"""What is written of a training while it runs, when it ends, and when nobody is left to say how it ended.

Owns the way from one outcome to the next. Never trains and never starts a process.
"""

import logging
import signal
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from coldframe.errors import StoreError
from coldframe.schedule.lease import give_back
from coldframe.schedule.plan import LEASE
from coldframe.store.ledger import Lease, Ledger, Outcome, TrainingRun

LOST = "Its process died without saying why: killed, out of memory, or the machine went down."
logger = logging.getLogger("coldframe.schedule")


def ended(run: TrainingRun, outcome: Outcome, at: datetime, message: str = "") -> TrainingRun:
    """Return a training that has ended."""
    return replace(run, outcome=outcome, ended_at=at, message=message)


def put(ledger: Ledger, run: TrainingRun) -> None:
    """Write how a training ended; when the store refuses that too, it is logged, and what went wrong first stands."""
    try:
        ledger.put_training(run)
    except StoreError as error:
        logger.error("that training %s %s could not be recorded: %s", run.run, run.outcome, error)


def close_lost(ledger: Ledger, lease: Lease | None, at: datetime) -> None:
    """Write of every training that is still open that it was lost; the caller holds the lease, so none of them runs.

    `lease` is the one before the caller's: it tells when its holder last gave a sign of life.
    """
    for run in ledger.trainings():
        if run.outcome == "running":
            last = lease.beat_at if lease is not None and lease.owner == run.owner else at
            ledger.put_training(ended(run, "lost", last, LOST))


def settle(ledger: Ledger, run_id: str, exit_code: int, *, stopping: bool, at: datetime) -> TrainingRun | None:
    """Return how a trainer's training ended, and say it for one that could not; None when it never began.

    `exit_code` as of a process: negative for the signal that ended it. The lease of a dead trainer is given back.
    """
    lease = ledger.lease(LEASE)
    if lease is not None and lease.owner.endswith(f"training {run_id}"):
        give_back(ledger, lease.owner)
    run = next((each for each in ledger.trainings() if each.run == run_id), None)
    if run is None or run.outcome != "running":
        return run
    outcome: Outcome = "stopped" if stopping or exit_code == -signal.SIGTERM else "failed"
    run = ended(run, outcome, at, "" if outcome == "stopped" else _how(exit_code))
    put(ledger, run)
    return run


def as_they_are(trainings: Iterable[TrainingRun], lease: Lease | None, now: datetime) -> list[TrainingRun]:
    """Return trainings as they are told to people: one that is open and whose lease has ended is lost."""
    alive = lease.owner if lease is not None and lease.expires_at > now else None
    return [
        replace(run, outcome="lost", message=LOST) if run.outcome == "running" and run.owner != alive else run
        for run in trainings
    ]


def _how(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "The trainer was killed (signal 9): out of memory? The system's log knows."
    if exit_code < 0:
        return f"The trainer was ended by {signal.Signals(-exit_code).name}."
    return f"The trainer ended with exit code {exit_code}; its log says why."
