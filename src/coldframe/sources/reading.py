"""From an address to files on this machine.

Owns the order: what is asked, the copy, the record that it is complete, and that the copy goes when it was used. Never
opens a source itself.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from coldframe.clock import Clock, system_clock
from coldframe.errors import InputError
from coldframe.sources.address import Address
from coldframe.sources.asked import Asked, Batch, Kind, Literals, Schema, TimeKind, between, wanted
from coldframe.sources.stage import File, Progress, Record, completed, forget, opened, write_rows


class Rows(Protocol):
    """Rows of a database that is open."""

    @property
    def columns(self) -> Schema:
        """Every column, as the source types it."""
        ...

    @property
    def literals(self) -> Literals:
        """How its SQL writes a time."""
        ...

    def quoted(self, name: str) -> str:
        """Return a column's name as its SQL writes it."""
        ...

    def batches(self, names: Sequence[str], where: str) -> tuple[Schema, Iterator[Batch]]:
        """Return the named columns of the rows that meet a condition (empty: all), each row once.

        Reading raises `InputError` when the source fails before its end.
        """
        ...


class Staged(NamedTuple):
    """Files that hold a source's rows: `files` pairs of (what it is called at its source, where it lies now), and
    `read_at`, a time, where an interrupted run had read them.
    """

    files: list[tuple[str, Path]]
    read_at: str | None


@contextmanager
def staged(
    address: Address,
    folder: Path,
    asked: Asked,
    *,
    progress: Progress,
    rows_per_file: int | None = None,
    clock: Clock = system_clock,
) -> Generator[Staged]:
    """Yield a source's rows as files below `folder`, which is gone afterwards; only a killed process leaves it.

    Files of object storage keep their format; rows of a database become Parquet, `rows_per_file` in each. Raises
    `InputError` when the source cannot be read to its end, `ColumnError` when it lacks a column, `StoreError` when the
    disk refuses.
    """
    _checked(address, asked)
    question = _question(address, asked, rows_per_file)
    try:
        record = opened(folder, question)
        left = record and record.read_at.isoformat(sep=" ", timespec="seconds")
        if record is None:
            started = clock()
            files = _copied(address, folder, asked, progress, rows_per_file)
            record = Record(question, started, files)
            completed(folder, record)
        yield Staged([(one.source, folder / one.name) for one in record.files], left)
    finally:
        forget(folder)


def _copied(address: Address, folder: Path, asked: Asked, progress: Progress, rows_per_file: int | None) -> list[File]:
    if address.kind == "objects":
        from coldframe.sources.objects import copied

        return copied(address, folder, asked.endings, progress)
    with _rows(address, asked) as rows:
        names, time = wanted(address.shown, rows.columns.names, asked)
        where = _where(rows, time, asked)
        schema, batches = rows.batches(names, where)
        step = f"read {address.kind}"
        return write_rows(
            batches,
            schema,
            folder,
            source=_called(address, asked),
            rows_per_file=rows_per_file,
            progress=lambda done: progress(step, done, None),
        )


def _rows(address: Address, asked: Asked) -> AbstractContextManager[Rows]:
    if address.kind == "postgresql":
        from coldframe.sources.postgres import postgres_rows

        return postgres_rows(address, asked)
    from coldframe.sources.bigquery import bigquery_rows

    return bigquery_rows(address, asked)


def _where(rows: Rows, time: str | None, asked: Asked) -> str:
    """Return the condition that leaves unwanted rows at the source; empty where its times are no times to SQL."""
    kind = _time_kind(rows.columns.field(time).type) if time is not None else None
    return between(rows.quoted(time), kind, asked, rows.literals) if time is not None and kind else ""


def _time_kind(kind: Kind) -> TimeKind | None:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "naive" if kind.tz is None else "zoned"
    return "date" if pa.types.is_date(kind) else None


def _checked(address: Address, asked: Asked) -> None:
    given = [name for name in (asked.table, asked.query) if name]
    if address.kind != "objects" and len(given) != 1:
        said = "both --table and --query are given" if given else "neither --table nor --query is given"
        raise InputError(f"{address} is a database, and {said}.", remedy="Name one of them.")


def _called(address: Address, asked: Asked) -> str:
    return f"{address.shown} {asked.table}" if asked.table else f"{address.shown} (query)"


def _question(address: Address, asked: Asked, rows_per_file: int | None) -> str:
    """Return what is asked as text, without a password: equal questions get equal rows."""
    names: Mapping[str, object] = {name: getattr(asked, name) for name in asked.__dataclass_fields__}
    return msgspec.json.encode([address.shown, rows_per_file, names]).decode()
