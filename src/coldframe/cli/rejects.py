"""`coldframe rejects`: the rows that an import or the service refused, and why."""

from typing import Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, say, table
from coldframe.cli.project import open_project


def rejects(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many to show, newest first.")] = 100,
    json: Json = False,
) -> None:
    """Show refused rows, newest first, each with its reason.

    Example: `coldframe rejects --limit 20`
    """
    with open_project(ctx).store() as store:
        found = list(store.rejects(limit=limit))
    if json:
        emit(found)
        return
    table(
        ("received", "source", "line", "reason", "row"),
        [(r.received_at, r.source, r.line, r.reason, r.row) for r in found],
    )
    say(f"{len(found)} shown." if found else "No row was ever refused.")
