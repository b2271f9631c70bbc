"""`coldframe import`: files into the store, with a report of every row."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Columns, Constant, Json, Kind, pairs
from coldframe.cli.output import StepProgress, emit, progress_bar, say, table
from coldframe.cli.project import open_project
from coldframe.cli.sources import Query, Table, copied, require_no_database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldframe.sources.asked import Asked
    from coldframe.store.protocol import ImportReport

TOP_REASONS = 5
"""Reasons shown per file, the most frequent first."""


def _there(sources: list[str]) -> list[str]:
    from coldframe.sources.address import is_address

    for source in sources:
        if not is_address(source) and not Path(source).is_file():
            raise typer.BadParameter(f"there is no file {source!r}")
    return sources


def import_files(
    ctx: typer.Context,
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help="What the files hold: events, items or users.", case_sensitive=False)
    ],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…",
            help="Parquet, CSV or JSON Lines, here or at a URL (s3://…, gs://…); or postgresql://…, bigquery://….",
            callback=_there,
            show_default=False,
        ),
    ],
    columns: Columns = None,
    constant: Constant = None,
    table: Table = None,
    query: Query = None,
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

    from coldframe.events.schema import EVENT_COLUMNS
    from coldframe.sources.asked import Asked
    from coldframe.store.importing import import_file

    renamed, constants = pairs(columns, option="--columns"), pairs(constant, option="--constant")
    known = tuple(EVENT_COLUMNS) if kind is Kind.EVENTS else None
    asked = Asked(known, renamed, constants, table=table, query=query)
    reports: dict[str, ImportReport] = {}
    with open_project(ctx).store() as store, progress_bar(quiet=json) as show:
        for source in files:
            with _found(source, asked, show) as found:
                for name, path in found:
                    reports[name] = import_file(
                        store,
                        kind.value,
                        path,
                        source=name,
                        columns=renamed,
                        constants=constants,
                        progress=lambda done, total, name=Path(name).name: show(f"import {name}", done, total),
                    )
    if json:
        emit([{"file": file, **msgspec.structs.asdict(report)} for file, report in reports.items()])
    else:
        _print(reports)
    _require_rows(reports)


@contextmanager
def _found(source: str, asked: "Asked", show: StepProgress) -> Generator[list[tuple[str, Path]]]:
    """Yield a source's files, each with its name: the file itself, or copies of what lies at a URL."""
    from coldframe.sources.address import is_address

    if not is_address(source):
        require_no_database(source, table=asked.table, query=asked.query)
        yield [(source, Path(source))]
        return
    with TemporaryDirectory(prefix="coldframe-") as folder, copied(source, Path(folder) / "copy", asked, show) as found:
        yield found


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
