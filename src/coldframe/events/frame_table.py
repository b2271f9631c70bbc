"""Parquet files and frames as tables.

Owns reading them in slices, so that a file may be larger than memory. Never interprets a value.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from coldframe.errors import InputError
from coldframe.events.table import BATCH_ROWS, Batch

_UNREADABLE = (pl.exceptions.PolarsError, OSError)


class FrameTable:
    """A frame's rows; line numbers count from 1."""

    grows = False
    untyped = False

    def __init__(self, frame: pl.DataFrame | pl.LazyFrame, source: str = "frame") -> None:
        self.source = source
        self._frame = frame.lazy()
        self.columns: list[str] = self._frame.collect_schema().names()
        self.n_rows: int = self._frame.select(pl.len()).collect().item()

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Yield the named columns, `BATCH_ROWS` rows at a time."""
        chosen = self._frame.select(names)
        for start in range(0, self.n_rows, BATCH_ROWS):
            stop = min(start + BATCH_ROWS, self.n_rows)
            lines = pl.int_range(start + 1, stop + 1, eager=True)
            yield Batch(chosen.slice(start, BATCH_ROWS).collect(), lines, [])


class ParquetTable:
    """A Parquet file's rows. Raises `InputError` where the file cannot be read."""

    grows = False
    untyped = False

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        try:
            self._table = FrameTable(pl.scan_parquet(path, glob=False), self.source)
        except _UNREADABLE as error:
            raise _unreadable(self.source, error) from error
        self.columns, self.n_rows = self._table.columns, self._table.n_rows

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Yield the named columns, `BATCH_ROWS` rows at a time."""
        batches = self._table.batches(names)
        while True:
            try:
                batch = next(batches, None)
            except _UNREADABLE as error:
                raise _unreadable(self.source, error) from error
            if batch is None:
                return
            yield batch


def _unreadable(source: str, error: Exception) -> InputError:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(
        f"{source} cannot be read as Parquet: {first}.",
        remedy="It may be cut short or of another format: write it again.",
    )
