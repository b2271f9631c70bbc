"""Files and frames into a store, with an account of every row.

Owns the order: valid rows first, then what was refused, with its reason. Never judges a row itself.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeVar

import msgspec
import polars as pl

from coldframe.clock import Clock, system_clock
from coldframe.events.event_rows import EventRows
from coldframe.events.files import open_table
from coldframe.events.frame_table import FrameTable
from coldframe.events.records import Records, item_records, user_records
from coldframe.events.table import Refused, Table
from coldframe.store.protocol import ImportReport, Progress, Reject, Store

Kind = Literal["events", "items", "users"]
T = TypeVar("T")


def import_file(
    store: Store,
    kind: Kind,
    path: Path,
    *,
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    clock: Clock = system_clock,
) -> ImportReport:
    """Import a Parquet, CSV or JSON Lines file; importing it again changes nothing.

    `source` is what a copy is called where it comes from. `columns` maps our names to the file's, `constants` our names
    to what every row has. Refused rows are kept in the store, the first 1,000 of a file, and all of them counted by
    reason. Raises `InputError` when the file cannot be read, `ColumnError` when it lacks a needed column and
    `StoreError` when the store fails; then no event is kept.
    """
    return _import(store, kind, open_table(path, source=source), columns, constants, progress, clock)


def import_frame(
    store: Store, kind: Kind, frame: pl.DataFrame, *, source: str = "frame", clock: Clock = system_clock
) -> ImportReport:
    """Import a frame by the same rules as a file. Raises `ColumnError` and `StoreError`."""
    return _import(store, kind, FrameTable(frame, source), None, None, None, clock)


def _import(
    store: Store,
    kind: Kind,
    table: Table,
    columns: Mapping[str, str] | None,
    constants: Mapping[str, str] | None,
    progress: Progress | None,
    clock: Clock,
) -> ImportReport:
    started = perf_counter()
    show = _with_total(progress, table.n_rows)
    if kind == "events":
        rows = EventRows(table, columns=columns, constants=constants)
        report = store.import_events(rows.frames(), source=table.source, progress=show)
    elif kind == "items":
        rows = item_records(table, columns=columns, constants=constants)
        report = _upsert(rows, store.upsert_items, show, ImportReport(kind=kind))
    else:
        rows = user_records(table, columns=columns, constants=constants)
        report = _upsert(rows, store.upsert_users, show, ImportReport(kind=kind))
    store.add_rejects(list(_rejects(rows.refused, table.source, clock())))
    return msgspec.structs.replace(
        report,
        rejected=report.rejected + len(rows.refused),
        reasons={**report.reasons, **dict(rows.refused.reasons.most_common())},
        ignored_columns=rows.ignored,
        seconds=round(perf_counter() - started, 3),
    )


def _upsert(
    records: Records[T], upsert: Callable[[list[T]], int], show: Progress, report: ImportReport
) -> ImportReport:
    changed = done = 0
    for batch in records.batches():
        changed += upsert(batch)
        done += len(batch)
        show(done, None)
    return msgspec.structs.replace(report, accepted=changed, repeated=done - changed)


def _rejects(refused: Refused, source: str, now: datetime) -> Iterator[Reject]:
    for line, reason, row in refused.kept:
        yield Reject(received_at=now, source=source, line=line, reason=reason, row=row)


def _with_total(progress: Progress | None, n_rows: int | None) -> Progress:
    def show(done: int, total: int | None) -> None:
        if progress is not None:
            progress(done, n_rows if total is None else total)

    return show
