"""Frames as files that `coldframe import` reads back.

Owns how each format spells times, lists and objects, and that a file appears whole or not at all. Never knows a store.
"""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from coldframe.errors import InputError
from coldframe.events.lists import join_names

_ISO = "%Y-%m-%dT%H:%M:%S%.6fZ"


@contextmanager
def beside(path: Path) -> Generator[Path]:
    """Yield a path beside `path` to write to; it takes its place, synced, when nothing was raised.

    Raises `InputError` when it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be written: {reason}.", remedy="Choose another place.") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_parquet(frame: pl.LazyFrame, path: Path) -> int:
    """Write a frame as Parquet, batch by batch, and return its rows."""
    with beside(path) as draft:
        frame.sink_parquet(draft, compression="zstd")
        return pl.scan_parquet(draft, glob=False).select(pl.len()).collect().item()


def write_csv(frame: pl.DataFrame, path: Path) -> int:
    """Write a frame as CSV: times in ISO 8601, lists joined by `|`, null as nothing. Return its rows."""
    with beside(path) as draft:
        frame.with_columns(_as_text(name, dtype) for name, dtype in frame.schema.items()).write_csv(draft)
    return frame.height


def write_json_lines(records: Iterable[Any], path: Path) -> int:
    """Write records, structs or dicts, as one JSON object a line, and return how many there are."""
    encoder, rows = msgspec.json.Encoder(), 0
    with beside(path) as draft, draft.open("wb") as file:
        for rows, record in enumerate(records, 1):  # noqa: B007
            file.write(encoder.encode(record) + b"\n")
    return rows


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return column.dt.strftime(_ISO)
    if isinstance(dtype, pl.List):
        join: Callable[[pl.Series], str] = lambda values: join_names([str(value) for value in values])  # noqa: E731
        return column.map_elements(join, return_dtype=pl.String)
    return column
