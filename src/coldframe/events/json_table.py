"""JSON Lines files as tables: one object a line; a line that is none is refused by its number.

Owns decoding. Never interprets a value; big integers and mixed columns stay exact as text.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from coldframe.errors import InputError
from coldframe.events.table import BATCH_ROWS, Batch, RefusedRow, row_text

_DTYPES: dict[type, pl.DataType | type[pl.DataType]] = {
    str: pl.String,
    bool: pl.Boolean,
    int: pl.Int64,
    float: pl.Float64,
}
_Line = tuple[int, dict[str, Any]]


class JsonTable:
    """A JSON Lines file's rows in UTF-8; blank lines are skipped, line numbers count from 1.

    Its columns are the names of the first batch, and grow as later lines bring others. Raises `InputError` when the
    file cannot be read.
    """

    n_rows: int | None = None
    grows = True
    untyped = False

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        self._path = path
        self._names: dict[str, None] = {}
        next(self._chunks(), None)

    @property
    def columns(self) -> Sequence[str]:
        """The names seen so far, in the order they came."""
        return tuple(self._names)

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Yield the named columns, `BATCH_ROWS` lines at a time."""
        for rows, broken in self._chunks():
            columns = {name: [row.get(name) for _, row in rows] for name in names}
            frame = pl.DataFrame([typed(name, values) for name, values in columns.items()])
            yield Batch(frame, pl.Series([line for line, _ in rows], dtype=pl.Int64), broken)

    def _chunks(self) -> Iterator[tuple[list[_Line], list[RefusedRow]]]:
        decoder = msgspec.json.Decoder()
        try:
            with self._path.open("rb") as file:
                lines = enumerate(file, 1)
                while chunk := list(islice(lines, BATCH_ROWS)):
                    yield self._decoded(chunk, decoder)
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror}.", remedy="Check the path.") from error

    def _decoded(
        self, chunk: list[tuple[int, bytes]], decoder: msgspec.json.Decoder[Any]
    ) -> tuple[list[_Line], list[RefusedRow]]:
        rows: list[_Line] = []
        broken: list[RefusedRow] = []
        for line, text in chunk:
            try:
                row = decoder.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                if text.strip():
                    broken.append(_refused(line, text, error))
                continue
            if isinstance(row, dict):
                rows.append((line, row))
                self._names.update(dict.fromkeys(row))
            else:
                broken.append(RefusedRow(line, "is not a JSON object", _shown(text)))
        return rows, broken


def typed(name: str, values: list[Any]) -> pl.Series:
    """Return a column of one type where all values have it, else of text: 7 as "7", 7.0 as "7", lists as JSON.

    >>> typed("user_id", [7, "a", 12345678901234567890123, None]).to_list()
    ['7', 'a', '12345678901234567890123', None]
    """
    kinds = {*map(type, values)} - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    kind = kinds.pop()
    if not kinds and kind in _DTYPES and (kind is not int or _fits(values)):
        return pl.Series(name, values, dtype=_DTYPES[kind])
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _fits(values: list[int | None]) -> bool:
    return all(value is None or -(2**63) <= value < 2**63 for value in values)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _refused(line: int, text: bytes, error: Exception) -> RefusedRow:
    if isinstance(error, UnicodeDecodeError):
        return RefusedRow(line, "is not UTF-8", _shown(text))
    return RefusedRow(line, "is not strict JSON", _shown(text))


def _shown(text: bytes) -> str:
    return row_text(text.decode("utf-8", "backslashreplace").rstrip("\r\n"))
