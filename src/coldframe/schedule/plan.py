"""When the next training begins: a pure function of now, the trainings so far, the lease and the settings.

Owns the rule. Never asks the time, reads a store or starts anything.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from coldframe.settings import ScheduleSettings
from coldframe.store.ledger import Lease, TrainingRun

LEASE = "training"
"""The name of the lease that every training holds."""


class Plan(NamedTuple):
    """From when on a training may begin, as far as is known now, and why then."""

    at: datetime
    why: str


def next_training(
    now: datetime, trainings: Sequence[TrainingRun], lease: Lease | None, settings: ScheduleSettings
) -> Plan:
    """Return when to train next; `at` ≤ now means at once. `trainings` come newest first.

    While somebody holds the lease: not before it ends. Otherwise `every_hours` after the start of the last training
    that was promoted, at once when there is none; and never sooner than `retry_minutes` after the end of one since then
    that failed or whose process died. A training stopped on purpose does not count. A clock set back never means more
    than one interval of waiting.
    """
    if lease is not None and lease.expires_at > now:
        return Plan(lease.expires_at, f"{lease.owner} trains")
    every, retry = timedelta(hours=settings.every_hours), timedelta(minutes=settings.retry_minutes)
    good = next((run for run in trainings if run.outcome == "promoted"), None)
    due = _due(now, good, every)
    since = [run for run in trainings if good is None or run.started_at > good.started_at]
    bad = next((run for run in since if run.outcome in ("failed", "lost", "running")), None)
    if bad is None or (again := min(_last_sign(bad, lease) + retry, now + retry)) <= due.at:
        return due
    return Plan(again, f"training {bad.run} failed")


def _due(now: datetime, good: TrainingRun | None, every: timedelta) -> Plan:
    if good is None:
        return Plan(now, "no training was promoted yet")
    at = min(good.started_at + every, now + every)
    return Plan(at, f"the last promoted training began at {good.started_at:%Y-%m-%d %H:%M} UTC")


def _last_sign(run: TrainingRun, lease: Lease | None) -> datetime:
    """Return when a training that came to nothing was last alive."""
    if run.ended_at is not None:
        return run.ended_at
    return lease.beat_at if lease is not None and lease.owner == run.owner else run.started_at
