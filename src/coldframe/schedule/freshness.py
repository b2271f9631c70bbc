"""How long events waited until a model that knows them served.

Owns the definition of freshness. Never reads a store or a clock.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from coldframe.store.ledger import Freshness, TrainingRun

SHARES = (0.5, 0.95)
_MINUTE = timedelta(minutes=1)


def freshness(arrivals: Sequence[tuple[datetime, int]], promoted_at: datetime) -> Freshness | None:
    """Return the median and the 95th percentile, in minutes, of promotion minus acceptance; None without events.

    `arrivals` holds (second, how many events were accepted in it), in order of time. A percentile p is the smallest
    wait that at least the share p of the events did not exceed.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> found = freshness([(noon - 300 * _MINUTE, 1), (noon - 30 * _MINUTE, 9)], noon)
    >>> (found.events, found.p50_minutes, found.p95_minutes)
    (10, 30.0, 300.0)
    """
    total = sum(number for _, number in arrivals)
    if total == 0:
        return None
    p50, p95 = (_percentile(arrivals, share * total, promoted_at) for share in SHARES)
    return Freshness(events=total, p50_minutes=p50, p95_minutes=p95)


def read_before(trainings: Sequence[TrainingRun]) -> datetime | None:
    """Return up to when the newest served training read events; None: there is none. `trainings` come newest first."""
    return next((run.read_at for run in trainings if run.outcome == "promoted" and run.read_at is not None), None)


def _percentile(arrivals: Sequence[tuple[datetime, int]], wanted: float, promoted_at: datetime) -> float:
    """Return the wait in minutes that `wanted` events, counted from the shortest wait, did not exceed."""
    counted = 0
    for second, number in reversed(arrivals):
        counted += number
        if counted >= wanted:
            return round((promoted_at - second) / _MINUTE, 2)
    return round((promoted_at - arrivals[0][0]) / _MINUTE, 2)
