"""`coldframe metrics`: the metrics that matter, from what was delivered and what came of it."""

from typing import Annotated

import typer

from coldframe.cli.options import Json, moment
from coldframe.cli.output import emit, table
from coldframe.cli.project import open_project


def metrics(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only lists delivered from here on, ISO 8601.")
    ] = None,
    json: Json = False,
) -> None:
    """Report CTR@3, time to first conversion, diversity and coverage, each with its interval and definition.

    Example: `coldframe metrics --since 2026-01-01`
    """
    from coldframe.feedback import evaluate_production_metrics

    project = open_project(ctx)
    with project.store() as store:
        report = evaluate_production_metrics(store, project.settings, start=moment(since) if since else None)
    if json:
        emit(report)
        return
    table(("metric", "value", "low", "high", "definition"), [])
