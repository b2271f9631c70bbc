"""CSV files as tables: every value is text, and a line that does not fit the header is refused by its number.

Owns quoting, delimiters and encoding. Never interprets a value; an empty field is null.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

import polars as pl

from coldframe.errors import ColumnError, InputError
from coldframe.events.table import BATCH_ROWS, Batch, RefusedRow, row_text

DELIMITERS = ",;\t|"
"""The one that stands most often in the header separates the fields; among equals the earlier."""

_Row = tuple[int, list[str] | csv.Error]


class CsvTable:
    """A CSV file's rows in UTF-8, with or without a byte order mark; line numbers count the header as 1.

    Raises `InputError` when the file or its header cannot be read, `ColumnError` when a name stands twice.
    """

    n_rows: int | None = None
    grows = False
    untyped = True

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        self._path = path
        with self._open() as file:
            header = file.readline()
        self._delimiter = max(DELIMITERS, key=header.count)
        self.columns = self._names(header)

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Yield the named columns as text, `BATCH_ROWS` lines at a time."""
        chosen = {name: self.columns.index(name) for name in names}
        with self._open() as file:
            rows = _numbered(file, self._delimiter)
            next(rows)
            while chunk := list(islice(rows, BATCH_ROWS)):
                yield self._batch(chunk, chosen)

    def _open(self) -> TextIO:
        try:
            return self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror}.", remedy="Check the path.") from error

    def _names(self, header: str) -> list[str]:
        names = [name.strip() for name in next(csv.reader([header], delimiter=self._delimiter), [])]
        if not header.strip() or not header.replace("\t", " ").rstrip().isprintable():
            raise InputError(
                f"{self._path} has no header line in UTF-8.", remedy="The first line names the columns; save as UTF-8."
            )
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise ColumnError(f"{self._path} has two columns {twice[0]!r}.", remedy="Name each column once.")
        return names

    def _batch(self, chunk: list[_Row], chosen: dict[str, int]) -> Batch:
        whole = [(line, row) for line, row in chunk if isinstance(row, list) and len(row) == len(self.columns)]
        broken = [self._refused(line, row) for line, row in chunk if len(whole) < len(chunk) and self._breaks(row)]
        try:
            frame = _frame(whole, chosen)
        except UnicodeEncodeError:
            broken += [RefusedRow(line, "is not UTF-8", row_text(row)) for line, row in whole if not _is_text(row)]
            whole = [(line, row) for line, row in whole if _is_text(row)]
            frame = _frame(whole, chosen)
        return Batch(frame, pl.Series([line for line, _ in whole], dtype=pl.Int64), broken)

    def _breaks(self, row: list[str] | csv.Error) -> bool:
        return isinstance(row, csv.Error) or len(row) != len(self.columns)

    def _refused(self, line: int, row: list[str] | csv.Error) -> RefusedRow:
        if isinstance(row, csv.Error):
            return RefusedRow(line, f"is not CSV: {row}", "")
        few = "fewer" if len(row) < len(self.columns) else "more"
        return RefusedRow(line, f"has {few} fields than the header", row_text(self._delimiter.join(row)))


def _numbered(file: TextIO, delimiter: str) -> Iterator[_Row]:
    """Yield every row that is not blank with the number of the line it ends on."""
    reader = csv.reader(file, delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, error
            continue
        if row is None:
            return
        if row:
            yield reader.line_num, row


def _frame(rows: list[tuple[int, list[str]]], chosen: dict[str, int]) -> pl.DataFrame:
    columns = [pl.Series(name, [row[i] for _, row in rows], dtype=pl.String) for name, i in chosen.items()]
    return pl.DataFrame(columns).with_columns(pl.all().replace({"": None}))


def _is_text(row: list[str]) -> bool:
    return not any("\ud800" <= char <= "\udfff" for value in row for char in value)
