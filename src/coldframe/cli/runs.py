"""`coldframe runs`: the trainings so far, what each saw, what came of it, and how fresh it made what serves."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, say, table
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from coldframe.store.ledger import TrainingRun

COLUMNS = ("began", "minutes", "outcome", "bundle", "events", "newest event", "fresh p50", "fresh p95", "message")


def runs(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many to show, newest first.")] = 20,
    json: Json = False,
) -> None:
    """Show trainings, newest first, each with its outcome.

    fresh p50, fresh p95: minutes from "event accepted" to "in a served model", over the events that the training added.

    Example: `coldframe runs --limit 5`
    """
    from coldframe.clock import system_clock
    from coldframe.schedule.plan import LEASE
    from coldframe.schedule.records import as_they_are

    with open_project(ctx).store() as store:
        found = as_they_are(store.trainings(limit=limit), store.lease(LEASE), system_clock())
    if json:
        emit(found)
        return
    table(COLUMNS, [_row(run) for run in found])
    say(f"{len(found)} shown." if found else "No training was ever begun: coldframe train, or coldframe run.")


def _row(run: "TrainingRun") -> tuple[object, ...]:
    fresh = run.freshness
    return (
        run.started_at,
        _minutes(run.started_at, run.ended_at),
        run.outcome,
        run.bundle,
        run.events,
        run.newest_event,
        fresh.p50_minutes if fresh else None,
        fresh.p95_minutes if fresh else None,
        run.message,
    )


def _minutes(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - start).total_seconds() / 60, 1)
