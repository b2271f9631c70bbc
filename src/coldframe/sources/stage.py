"""A source's rows as files in a folder of their own: all of them, on the disk, or none.

Owns the folder, the Parquet files and the record, written last, that says they are complete. A run that is killed
leaves its folder, and the same question asked again takes it up; asked otherwise, it is thrown away. Never knows what
a row means.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from coldframe import disk
from coldframe.errors import InputError
from coldframe.sources.asked import Batch, Schema

RECORD = "complete.json"
ROWS_PER_GROUP = 1 << 17
"""Rows that wait until they are written together."""
Progress = Callable[[str, int, int | None], None]
"""Called with (step, done, in all or None where nobody knows)."""


class File(msgspec.Struct, frozen=True):
    """A copied file: its name in the folder, its bytes, and what it is called where it comes from."""

    name: str
    bytes: int
    source: str


class Record(msgspec.Struct, frozen=True):
    """What a folder holds: the answer to a question (as text), read at a time."""

    question: str
    read_at: datetime
    files: list[File]


def opened(folder: Path, question: str) -> Record | None:
    """Return the complete answer that an interrupted run left for this very question; else an empty folder.

    Raises `StoreError` when the disk refuses.
    """
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=Record)
        whole = all((folder / one.name).stat().st_size == one.bytes for one in record.files)
        if record.question == question and whole:
            return record
    except (OSError, msgspec.DecodeError):
        pass
    forget(folder)
    with disk_errors(folder):
        folder.mkdir(parents=True)
    return None


def completed(folder: Path, record: Record) -> None:
    """Say that a folder is complete; its files are already on the disk."""
    path = folder / f".{RECORD}"
    with disk_errors(path):
        path.write_bytes(msgspec.json.encode(record))
        disk.sync(path)
        path.replace(folder / RECORD)
        disk.sync(folder)


def forget(folder: Path) -> None:
    """Remove a folder, if there is one."""
    if folder.exists():
        with disk_errors(folder):
            shutil.rmtree(folder)


def write_rows(
    batches: Iterable[Batch],
    schema: Schema,
    folder: Path,
    *,
    source: str,
    rows_per_file: int | None,
    progress: Callable[[int], None],
) -> list[File]:
    """Write rows as Parquet: one file at least, and at most without `rows_per_file`. `progress` is told rows so far.

    Raises `StoreError` when the disk refuses, `InputError` when a batch has other columns than the source began with.
    """
    import pyarrow.parquet as pq

    groups, files, rows = _groups(batches, schema, source), list[File](), 0
    group = next(groups, None)
    while group is not None or not files:
        path, own = folder / f"rows-{len(files):05d}.parquet", 0
        with disk_errors(path):
            with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as file:
                while group is not None and (rows_per_file is None or own < rows_per_file):
                    file.write_table(group)
                    own, rows = own + group.num_rows, rows + group.num_rows
                    progress(rows)
                    group = next(groups, None)
            disk.sync(path)
            files.append(File(path.name, path.stat().st_size, source))
    return files


def _groups(batches: Iterable[Batch], schema: Schema, source: str) -> Iterator[Any]:
    """Yield tables of `ROWS_PER_GROUP` rows or more, but for the last."""
    import pyarrow as pa

    waiting: list[Batch] = []
    for batch in batches:
        if not batch.schema.equals(schema):
            raise InputError(
                f"{source} changed its columns while it was read.",
                remedy="Nothing of it was taken. Run again when nobody alters it.",
            )
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= ROWS_PER_GROUP:
            yield pa.Table.from_batches(waiting, schema)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


disk_errors = partial(
    disk.refusals, remedy="A source is copied before it is read: make room there, and run again. Nothing was taken."
)
