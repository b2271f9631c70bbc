"""What a file or a frame of rows looks like to whoever reads it: named columns, in batches, with line numbers.

Owns the shape of a batch and of a row that cannot be used. Never knows what a column means.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import polars as pl

BATCH_ROWS = 131_072
"""Rows read at a time; memory grows with this, not with the file."""
MAX_KEPT = 1_000
"""Refused rows of one file that are kept with their text; the others are only counted."""
PRINTABLE_DAYS = (-719_162, 2_932_896)
"""The years 1 to 9999, in days since 1970."""
MAX_ROW_CHARS = 2_000
"""Longest text kept of one refused row."""


class RefusedRow(NamedTuple):
    """One row that cannot be used: the line it ends on (from 1), why, and its text."""

    line: int
    reason: str
    row: str


class Batch(NamedTuple):
    """Some rows of a table, columns named and typed as in the file, and each row's line number (Int64)."""

    frame: pl.DataFrame
    lines: pl.Series
    broken: list[RefusedRow]


class Header(Protocol):
    """The names of columns, before a row is read."""

    @property
    def source(self) -> str:
        """The file's name, as errors say it."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The columns seen so far."""
        ...

    @property
    def grows(self) -> bool:
        """Whether later rows may bring further columns, as in JSON Lines."""
        ...


class Columns(NamedTuple):
    """A header that stands for itself."""

    source: str
    columns: Sequence[str]
    grows: bool = False


class Table(Header, Protocol):
    """Rows with named columns that are read from the start, batch by batch."""

    @property
    def n_rows(self) -> int | None:
        """How many rows there are, where the format says it."""
        ...

    @property
    def untyped(self) -> bool:
        """Whether every value is text because the format knows nothing else, as in CSV."""
        ...

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Yield the named columns; one that no row of a batch has is all null there."""
        ...


class Refused:
    """The rows of one table that cannot be used: all of them counted by reason, the first of them kept."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.kept: list[RefusedRow] = []

    def __len__(self) -> int:
        return self.reasons.total()

    def add(self, rows: Sequence[RefusedRow]) -> None:
        """Count rows that a reader could not take apart, and keep them while there is room."""
        self.reasons.update(row.reason for row in rows)
        self.kept += rows[: MAX_KEPT - len(self.kept)]

    def add_where(self, batch: Batch, reason: pl.Series) -> None:
        """Count the rows of a batch whose `reason` (text) is not null, and keep them while there is room."""
        bad = reason.is_not_null()
        if not bad.any():
            return
        counts = reason.filter(bad).value_counts(sort=True)
        self.reasons.update(dict(counts.iter_rows()))
        room = MAX_KEPT - len(self.kept)
        rows = batch.frame.filter(bad).head(room).with_columns(_printable_times(batch.frame)).to_dicts()
        found = zip(batch.lines.filter(bad).head(room), reason.filter(bad).head(room), rows, strict=True)
        self.kept += [RefusedRow(line, why, row_text(row)) for line, why, row in found]


def _printable_times(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the times of a frame as text; one that no calendar can print stays the number that it is stored as."""
    per_day = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
    days = {name: per_day[dtype.time_unit] for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)}
    days |= {name: 1 for name, dtype in frame.schema.items() if isinstance(dtype, pl.Date)}
    shown: list[pl.Expr] = []
    for name, day in days.items():
        stored = pl.col(name).to_physical().cast(pl.Int64)
        inside = (stored // day).is_between(*PRINTABLE_DAYS)
        text = pl.when(inside).then(pl.col(name)).cast(pl.String)
        shown.append(pl.coalesce(text, stored.cast(pl.String)).alias(name))
    return shown


def row_text(row: Any) -> str:
    """Return a row as JSON without its empty columns, cut where it gets long.

    >>> row_text({"user_id": "u", "item_id": None})
    '{"user_id":"u"}'
    """
    if isinstance(row, dict):
        row = {name: value for name, value in row.items() if value is not None}
    text = row if isinstance(row, str) else msgspec.json.encode(row, enc_hook=str).decode()
    return text.encode("utf-8", "backslashreplace").decode()[:MAX_ROW_CHARS]
