"""Files read whole into memory, as an evaluation or a test wants them: events as a frame, items and users as a list.

Owns putting the batches together. Never writes to a store.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from coldframe.domain import Item, User
from coldframe.errors import InputError
from coldframe.events.columns import require, select
from coldframe.events.event_rows import EventChecks
from coldframe.events.files import open_table
from coldframe.events.records import Records, item_records, user_records
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.events.table import Refused, Table

T = TypeVar("T")
OnRefused = Callable[[Path, Refused], None]
"""Called once a file with the rows that could not be used, when there are any."""


def read_events(
    paths: Sequence[Path],
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    *,
    keep: str | None = None,
    on_refused: OnRefused | None = None,
) -> pl.DataFrame:
    """Return the valid events of files in the order given: those of `EVENT_COLUMNS` that the files have.

    Needs no more than `item_id` and `user_id` (or `session_id`). `keep` names one further column of the files, which
    comes along as text. Rows that cannot be used go to `on_refused`; without it the first of them raises `InputError`.
    Raises `ColumnError` when a column is missing.
    """
    frames = [_events(open_table(path), columns, constants, keep, _judge(path, on_refused)) for path in paths]
    found = pl.concat(frames, how="diagonal")
    return found.select(*(name for name in [*EVENT_COLUMNS, keep] if name in found.columns))


def read_items(
    path: Path, columns: Mapping[str, str] | None = None, *, on_refused: OnRefused | None = None
) -> list[Item]:
    """Return the items of a file. Rows that cannot be used go to `on_refused`, or the first raises `InputError`."""
    return _records(item_records(open_table(path), columns=columns), _judge(path, on_refused))


def read_users(
    path: Path, columns: Mapping[str, str] | None = None, *, on_refused: OnRefused | None = None
) -> list[User]:
    """Return the users of a file. Rows that cannot be used go to `on_refused`, or the first raises `InputError`."""
    return _records(user_records(open_table(path), columns=columns), _judge(path, on_refused))


def _records(records: Records[T], judge: Callable[[Refused], None]) -> list[T]:
    found = [record for batch in records.batches() for record in batch]
    judge(records.refused)
    return found


def _events(
    table: Table,
    columns: Mapping[str, str] | None,
    constants: Mapping[str, str] | None,
    keep: str | None,
    judge: Callable[[Refused], None],
) -> pl.DataFrame:
    selection = select(table, tuple(EVENT_COLUMNS), columns=columns, constants=constants)
    require(table, selection, ("item_id",), ("user_id", "session_id"))
    if keep is not None and keep not in selection.ours:
        selection = selection.along(table, keep)
    needed = tuple(name for name in ("item_id", "event_type", "timestamp") if name in selection.ours)
    checks, refused = EventChecks(selection, needed=needed), Refused()
    frames = [checks.valid(batch, refused) for batch in table.batches(selection.read)]
    judge(refused)
    blank = pl.DataFrame(schema={name: EVENT_COLUMNS.get(name, pl.String) for name in selection.ours})
    return pl.concat([blank, *frames])


def _judge(path: Path, on_refused: OnRefused | None) -> Callable[[Refused], None]:
    def judge(refused: Refused) -> None:
        if not len(refused):
            return
        if on_refused is not None:
            on_refused(path, refused)
            return
        first = refused.kept[0]
        raise InputError(
            f"{len(refused):,} rows of {path} cannot be used; the first ends on line {first.line}: {first.reason}.",
            remedy="Mend or remove them, or import the file: `coldframe rejects` then lists them.",
        )

    return judge
