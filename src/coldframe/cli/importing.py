"""`coldframe import`: files into the store, with a report of every row."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Columns, Constant, Json, Kind, pairs
from coldframe.cli.output import emit, progress_bar, say, table
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldframe.store.protocol import ImportReport

TOP_REASONS = 5
"""Reasons shown per file, the most frequent first."""


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

    Times are ISO 8601, native timestamps, or Unix times. Refused rows are kept with their reason: see `coldframe
    rejects`. Columns that nobody knows go unread and are named. Ends with exit code 4 when no row of a file can be
    used. Every rule: docs/importing.md.

    Example: `coldframe import events orders.csv --columns user_id=CustomerID,timestamp=InvoiceDate
    --constant event_type=purchase`
    """
    import msgspec

    from coldframe.store.importing import import_file

    renamed, constants = pairs(columns, option="--columns"), pairs(constant, option="--constant")
    reports: dict[str, ImportReport] = {}
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
    else:
        _print(reports)
    _require_rows(reports)


def _print(reports: "Mapping[str, ImportReport]") -> None:
    table(
        ("file", "rows", "accepted", "repeated", "rejected", "seconds"),
        [(f, r.rows, r.accepted, r.repeated, r.rejected, r.seconds) for f, r in reports.items()],
    )
    refused = [(f, count, reason) for f, r in reports.items() for reason, count in [*r.reasons.items()][:TOP_REASONS]]
    if refused:
        table(("file", "rejected", "reason"), refused)
    for file, report in reports.items():
        if report.ignored_columns:
            say(f"{file}: not read: {', '.join(report.ignored_columns)}. Name what you need with --columns.")


def _require_rows(reports: "Mapping[str, ImportReport]") -> None:
    """Raise `InputError` for the first file of which every row was refused."""
    from coldframe.errors import InputError

    for file, report in reports.items():
        if report.rows and report.rejected == report.rows:
            reason = next(iter(report.reasons), "no reason was given")
            raise InputError(
                f"None of the {report.rows:,} rows of {file} can be used: {reason}.",
                remedy="See `coldframe rejects`, and check --columns.",
            )
