"""CSV files as tables: every value is text, and a line that does not fit the header is refused by its number.

Owns quoting, delimiters and encoding. Never interprets a value; an empty field is null.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TextIO

import polars as pl

from coldframe.errors import ColumnError, InputError
from coldframe.events.csv_blocks import columns_of, is_simple, read_block
from coldframe.events.table import BATCH_ROWS, Batch, RefusedRow, row_text

DELIMITERS = ",;\t|"
"""The one that stands most often in the header separates the fields; among equals the earlier."""


class Reader(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __next__(self) -> list[str]:
        """Return the next row."""
        ...


class _Chunk(NamedTuple):
    lines: list[int]
    rows: list[list[str]]
    broken: list[RefusedRow]

    @property
    def n_lines(self) -> int:
        return len(self.lines) + len(self.broken)


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
        with self._open() as file, _text(file, begins=True) as text:
            header = text.readline()
        self._delimiter = max(DELIMITERS, key=header.count)
        self.columns = self._names(header)

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Yield the named columns as text: plain lines many at once, others row by row, and so all after a quote."""
        chosen = {name: self.columns.index(name) for name in names}
        with self._open() as file:
            n_read = 1 if is_simple(file.readline()) else 0
            while n_read and (block := read_block(file)):
                frame = columns_of(block, self._delimiter, len(self.columns), chosen)
                if frame is not None:
                    yield from _batches(frame, n_read + 1)
                elif is_simple(block):
                    yield from self._by_row(io.BytesIO(block), n_read, chosen)
                else:
                    file.seek(-len(block), os.SEEK_CUR)
                    break
                n_read += block.count(b"\n")
            if not n_read:
                file.seek(0)
            yield from self._by_row(file, n_read, chosen)

    def _by_row(self, file: BinaryIO, n_read: int, chosen: dict[str, int]) -> Iterator[Batch]:
        """Yield what follows `n_read` lines, `BATCH_ROWS` lines at a time; after none, the first is the header."""
        with _text(file, begins=not n_read) as text:
            reader = csv.reader(text, delimiter=self._delimiter)
            if not n_read:
                next(reader)
            while (chunk := self._chunk(reader, n_read)).n_lines:
                yield _batch(chunk, chosen)

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
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

    def _chunk(self, reader: Reader, n_read: int) -> _Chunk:
        """Read up to `BATCH_ROWS` lines after `n_read` others; those that do not fit the header are broken, blank ones
        are nothing.
        """
        chunk, width = _Chunk([], [], []), len(self.columns)
        while chunk.n_lines < BATCH_ROWS:
            try:
                row = next(reader, None)
            except csv.Error as error:
                chunk.broken.append(RefusedRow(n_read + reader.line_num, f"is not CSV: {error}", ""))
                continue
            if row is None:
                break
            if len(row) == width:
                chunk.rows.append(row)
                chunk.lines.append(n_read + reader.line_num)
            elif row:
                chunk.broken.append(self._ragged(n_read + reader.line_num, row))
        return chunk

    def _ragged(self, line: int, row: list[str]) -> RefusedRow:
        few = "fewer" if len(row) < len(self.columns) else "more"
        return RefusedRow(line, f"has {few} fields than the header", row_text(self._delimiter.join(row)))


@contextmanager
def _text(file: BinaryIO, *, begins: bool = False) -> Generator[TextIO]:
    """Yield the rest of a file as text, each byte that is not UTF-8 a lone surrogate; the file stays open."""
    text = io.TextIOWrapper(file, "utf-8-sig" if begins else "utf-8", "surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


def _batches(frame: pl.DataFrame, first_line: int) -> Iterator[Batch]:
    """Yield a frame in batches; each of its rows is a line."""
    for start in range(0, len(frame), BATCH_ROWS):
        some = frame.slice(start, BATCH_ROWS)
        begins = first_line + start
        yield Batch(some, pl.int_range(begins, begins + len(some), eager=True), [])


def _batch(chunk: _Chunk, chosen: dict[str, int]) -> Batch:
    try:
        return Batch(_frame(chunk.rows, chosen), pl.Series(chunk.lines, dtype=pl.Int64), chunk.broken)
    except UnicodeEncodeError:
        return _batch(_without_bad_bytes(chunk, [*chosen.values()]), chosen)


def _frame(rows: list[list[str]], chosen: dict[str, int]) -> pl.DataFrame:
    columns = [pl.Series(name, [row[i] for row in rows], dtype=pl.String) for name, i in chosen.items()]
    return pl.DataFrame(columns).with_columns(pl.all().replace({"": None}))


def _without_bad_bytes(chunk: _Chunk, read: list[int]) -> _Chunk:
    """Move rows that are not UTF-8 where they are read to the broken ones: each bad byte is a lone surrogate there."""
    found = _Chunk([], [], list(chunk.broken))
    for line, row in zip(chunk.lines, chunk.rows, strict=True):
        if any("\ud800" <= char <= "\udfff" for i in read for char in row[i]):
            found.broken.append(RefusedRow(line, "is not UTF-8", row_text(",".join(row))))
        else:
            found.lines.append(line)
            found.rows.append(row)
    return found
