"""`coldframe metrics`: the metrics that matter, from what was delivered and what came of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Json, moment
from coldframe.cli.output import emit, facts, table
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from coldframe.feedback import Metric


class Grouping(StrEnum):
    """What lists can be told apart by."""

    BUNDLE = "bundle"
    VARIANT = "variant"
    SCENARIO = "scenario"


def metrics(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only lists delivered from here on, ISO 8601.")
    ] = None,
    by: Annotated[
        Grouping | None,
        typer.Option("--by", metavar="bundle|variant|scenario", help="The same for each group as well."),
    ] = None,
    json: Json = False,
) -> None:
    """Report CTR@3, time to first conversion, diversity and coverage, each with its interval and definition.

    Conversions are the event types in events.conversions.

    Example: `coldframe metrics --since 2026-01-01 --by bundle`
    """
    from coldframe.feedback import evaluate_production_metrics

    start = moment(since) if since else None
    project = open_project(ctx)
    with project.store() as store:
        store.flush()
        report = evaluate_production_metrics(
            store, start=start, by=by.value if by else None, conversions=project.settings.events.conversions
        )
    if json:
        emit(report)
        return
    _show("Metrics", report.metrics)
    for name, group in report.groups.items():
        _show(f"{report.by} {name}", group)
    facts({name.replace("_", " "): count for name, count in report.counts.items()}, title="Counted")


def _show(title: str, found: "Mapping[str, Metric]") -> None:
    """Print one table; what cannot be said says why in the place of its definition."""
    rows = [
        (one.name, one.value, one.low, one.high, one.n, one.unit, " ".join(filter(None, (one.note, one.definition))))
        for one in found.values()
    ]
    table(("metric", "value", "low", "high", "n", "unit", "definition"), rows, title=title)
