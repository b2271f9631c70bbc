"""`coldframe import`: files into the store, with a report of every row."""

from pathlib import Path
from typing import Annotated

import typer

from coldframe.cli.options import Columns, Constant, Json, Kind, pairs
from coldframe.cli.output import emit, progress_bar, table
from coldframe.cli.project import open_project


def import_files(
    ctx: typer.Context,
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help="What the files hold: events, items or users.", case_sensitive=False)
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="Parquet, CSV or JSON Lines.", exists=True, dir_okay=False, show_default=False
        ),
    ],
    columns: Columns = None,
    constant: Constant = None,
    json: Json = False,
) -> None:
    """Import events, items or users; importing a file twice changes nothing.

    Times are ISO 8601, native timestamps, or Unix seconds or milliseconds. Refused rows are kept with their reason:
    see `coldframe rejects`.

    Example: `coldframe import events orders.csv --columns user_id=CustomerID,timestamp=InvoiceDate
    --constant event_type=purchase`
    """
    import msgspec

    from coldframe.store.importing import import_file

    renamed, constants = pairs(columns, option="--columns"), pairs(constant, option="--constant")
    reports = {}
    with open_project(ctx).store() as store, progress_bar(quiet=json) as show:
        for file in files:
            reports[str(file)] = import_file(
                store,
                kind.value,
                file,
                columns=renamed,
                constants=constants,
                progress=lambda done, total, name=file.name: show(f"import {name}", done, total),
            )
    if json:
        emit([{"file": file, **msgspec.structs.asdict(report)} for file, report in reports.items()])
        return
    table(
        ("file", "rows", "accepted", "repeated", "rejected", "seconds"),
        [(f, r.rows, r.accepted, r.repeated, r.rejected, r.seconds) for f, r in reports.items()],
    )
