"""`coldframe export`: what the store holds, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from coldframe.cli.options import Json, Kind
from coldframe.cli.output import emit, say
from coldframe.cli.project import open_project


def export(
    ctx: typer.Context,
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help="What to write: events, items or users.", case_sensitive=False)
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Its ending chooses the format: .parquet, .csv or .jsonl.")
    ],
    json: Json = False,
) -> None:
    """Write events, items or users to a file that `coldframe import` reads back.

    Example: `coldframe export events events.parquet`
    """
    from coldframe.store.exporting import export_file

    with open_project(ctx).store() as store:
        rows = export_file(store, kind.value, file)
    if json:
        emit({"kind": kind.value, "file": str(file), "rows": rows})
        return
    say(f"{rows:,} {kind.value} written to {file}.")
