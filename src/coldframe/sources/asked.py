"""What is wanted of a source: which of its columns, and from when to when.

Owns what is asked before a row is read, so that a column that is missing is named at once, and rows that would be
thrown away stay where they are. Never renames a column and never judges a value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from coldframe.errors import ColumnError
from coldframe.events.columns import require, select
from coldframe.events.files import ENDINGS
from coldframe.events.table import Columns

TimeKind = Literal["zoned", "naive", "date"]
"""A moment, a moment in UTC that does not say so, or a day."""
Literals = Mapping[TimeKind, str]
"""How a dialect of SQL introduces a constant of each kind."""
Schema = Any
"""A pyarrow schema; its stubs say too little to check these."""
Batch = Any
"""A pyarrow record batch."""
Kind = Any
"""A pyarrow type."""
NEEDED = (("item_id",), ("user_id", "session_id"), ("event_type",), ("timestamp",))


@dataclass(frozen=True)
class Asked:
    """`known` are our names of the columns that matter, or None for every column of the source.

    `columns` and `constants` are those of `--columns` and `--constant`. `table` or `query` says which rows of a
    database, `endings` which files of a folder. Rows with `start` ≤ time < `end` are wanted; None: no limit there.
    """

    known: Sequence[str] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None
    query: str | None = None
    endings: Sequence[str] = tuple(ENDINGS)
    start: datetime | None = None
    end: datetime | None = None


class Wanted(NamedTuple):
    """The source's columns to read, and the one that holds the time, if there is one."""

    names: list[str]
    time: str | None


def wanted(source: str, names: Sequence[str], asked: Asked) -> Wanted:
    """Return which of a source's columns to read. Raises `ColumnError` when one that events need is missing."""
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise ColumnError(f"{source} has two columns {twice[0]!r}.", remedy="Name each column once: … AS other_name.")
    if asked.known is None:
        return Wanted(list(names), None)
    table = Columns(source, names)
    found = select(table, asked.known, columns=asked.columns, constants=asked.constants)
    require(table, found, *NEEDED)
    return Wanted(found.read, found.theirs.get("timestamp"))


def between(column: str, kind: TimeKind, asked: Asked, literals: Literals) -> str:
    """Return a condition in SQL for the rows that are wanted, empty where all of them are.

    >>> asked = Asked(end=datetime(2026, 6, 1, tzinfo=UTC))
    >>> between("t", "zoned", asked, {"zoned": "TIMESTAMP"})
    "t < TIMESTAMP '2026-06-01 00:00:00+00:00'"
    """
    limits = [(">=", asked.start), ("<", asked.end)]
    return " AND ".join(
        f"{column} {sign} {literals[kind]} '{_AS_TEXT[kind](moment)}'" for sign, moment in limits if moment is not None
    )


def _day(moment: datetime) -> str:
    """Return the first day that begins at a moment or after it: a day is its midnight."""
    day = moment.astimezone(UTC).replace(tzinfo=None)
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return str((midnight if midnight == day else midnight + timedelta(days=1)).date())


_AS_TEXT: Mapping[TimeKind, Callable[[datetime], Any]] = {
    "zoned": lambda moment: moment.astimezone(UTC),
    "naive": lambda moment: moment.astimezone(UTC).replace(tzinfo=None),
    "date": _day,
}
