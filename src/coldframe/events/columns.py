"""Which column of a file holds which of ours: by name, by `--columns ours=theirs`, or one constant for all rows.

Owns finding them and saying what is missing. Never looks at a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from coldframe.errors import ColumnError
from coldframe.events.table import Batch, Header


@dataclass(frozen=True)
class Selection:
    """What is read of a table: `theirs` maps our names to the table's, `constants` our names to a text."""

    theirs: dict[str, str]
    constants: dict[str, str]

    @property
    def ours(self) -> list[str]:
        """Our names of everything there is, in no particular order."""
        return [*self.theirs, *self.constants]

    @property
    def read(self) -> list[str]:
        """The table's columns that are read, each once."""
        return list(dict.fromkeys(self.theirs.values()))

    def raw(self, batch: Batch) -> dict[str, pl.Series]:
        """Return a batch's columns under our names, as they are in the file."""
        read = {ours: batch.frame[theirs].alias(ours) for ours, theirs in self.theirs.items()}
        return read | {
            ours: pl.Series(ours, [text]).new_from_index(0, len(batch.lines)) for ours, text in self.constants.items()
        }

    def along(self, table: Header, name: str) -> "Selection":
        """Return the selection with one further column of the table. Raises `ColumnError` when it has none."""
        if name not in table.columns:
            raise ColumnError(
                f"{table.source} has no column {name!r}.",
                remedy=f"{_near(name, table.columns)}It has: {', '.join(table.columns)}.",
            )
        return Selection({**self.theirs, name: name}, self.constants)

    def unread(self, table: Header) -> list[str]:
        """Return the table's columns that nobody reads."""
        read = set(self.read)
        return [name for name in table.columns if name not in read]


def select(
    table: Header,
    known: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    others: bool = False,
) -> Selection:
    """Return what to read of a table for the known names.

    `others` also takes every column that is not known, under its own name, and accepts any name of ours. A constant
    wins over a column of the same name. Raises `ColumnError` for a name of ours or theirs that does not exist.
    """
    columns, constants = dict(columns or {}), dict(constants or {})
    for ours in [] if others else [*columns, *constants]:
        if ours not in known:
            raise ColumnError(
                f"{ours!r} is no column of ours.", remedy=f"{_near(ours, known)}Ours: {', '.join(known)}."
            )
    for ours, theirs in columns.items():
        if theirs not in table.columns:
            raise ColumnError(
                f"{table.source} has no column {theirs!r} for {ours}.",
                remedy=f"{_near(theirs, table.columns)}It has: {', '.join(table.columns)}.",
            )
    present = known if table.grows else [name for name in known if name in table.columns]
    mapped = {name: columns.get(name, name) for name in [*present, *columns] if name not in constants}
    taken = {*mapped.values(), *known}
    rest = {name: name for name in table.columns if others and name not in taken and name not in mapped}
    return Selection({**mapped, **rest}, constants)


def require(table: Header, selection: Selection, *needed: tuple[str, ...]) -> None:
    """Raise `ColumnError` unless one of the names of each tuple is there; it says what to write."""
    there = {ours for ours, theirs in selection.theirs.items() if theirs in table.columns} | {*selection.constants}
    missing = [names for names in needed if not there & set(names)]
    if not missing or (table.grows and not table.columns):
        return
    guesses = {names[0]: _guess(names[0], selection.unread(table)) for names in missing}
    wanted = ",".join(f"{ours}={theirs}" for ours, theirs in guesses.items())
    constant = " What is the same in every row: --constant event_type=purchase." if "event_type" in guesses else ""
    raise ColumnError(
        f"{table.source} has no column for {', none for '.join(' or '.join(names) for names in missing)}. "
        f"It has: {', '.join(table.columns)}.",
        remedy=f"Say which is which: --columns {wanted}.{constant}",
    )


def _near(name: str, names: Sequence[str]) -> str:
    found = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {found[0]!r}? " if found else ""


def _guess(name: str, names: Sequence[str]) -> str:
    by_lower = {each.lower(): each for each in names}
    found = get_close_matches(name, by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else "THEIRS"
