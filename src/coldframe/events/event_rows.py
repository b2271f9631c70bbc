"""Rows of a file as events: every column converted, every rule kept, a reason for every row that breaks one.

Owns the rules that bind several columns of an event. Never opens a file and never writes to a store.
"""

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from coldframe.events.columns import Selection, require, select
from coldframe.events.convert import Converted, Converter, IdColumn, NumberColumn, TextColumn
from coldframe.events.identity import Occurrences, with_event_ids
from coldframe.events.objects import ObjectColumn
from coldframe.events.rules import MAX_POSITION
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.events.table import Batch, Refused, Table
from coldframe.events.times import TimeColumn

_ACTOR = ("user_id", "session_id")
_NEEDED = ("item_id", "event_type", "timestamp")


class EventRows:
    """The events of one table. Iterate once over `frames()`; `refused` and `ignored` are complete after that.

    Raises `ColumnError` when a needed column is missing, naming those that are there.
    """

    def __init__(
        self,
        table: Table,
        *,
        columns: Mapping[str, str] | None = None,
        constants: Mapping[str, str] | None = None,
    ) -> None:
        self._table = table
        self._selection = select(table, tuple(EVENT_COLUMNS), columns=columns, constants=constants)
        require(table, self._selection, ("item_id",), _ACTOR, ("event_type",), ("timestamp",))
        self.refused = Refused()

    @property
    def ignored(self) -> list[str]:
        """The table's columns that are not read."""
        return self._selection.unread(self._table)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield valid events with exactly the columns of `EVENT_COLUMNS`, an id derived where there is none."""
        checks, seen = EventChecks(self._selection, needed=_NEEDED), Occurrences()
        blank = pl.DataFrame(schema=EVENT_COLUMNS)
        for batch in self._table.batches(self._selection.read):
            valid = checks.valid(batch, self.refused)
            yield with_event_ids(pl.concat([blank, valid], how="diagonal").select(*EVENT_COLUMNS), seen)


class EventChecks:
    """Turns batches into valid events; one object a file, since its converters learn from the first batch."""

    def __init__(self, selection: Selection, *, needed: tuple[str, ...]) -> None:
        self._selection = selection
        self._needed = needed
        self._converters = {name: _converter(name) for name in selection.ours}

    def valid(self, batch: Batch, refused: Refused) -> pl.DataFrame:
        """Return the events of a batch that break no rule, in the columns that were given; the others are refused."""
        refused.add(batch.broken)
        converted = {name: self._converters[name](raw) for name, raw in self._selection.raw(batch).items()}
        events = pl.DataFrame([column.values for column in converted.values()])
        reason = events.select(
            pl.coalesce(*(pl.lit(column.reason) for column in converted.values()), *self._faults()).alias("reason")
        ).to_series()
        refused.add_where(batch, reason)
        return events.filter(reason.is_null()).with_columns(self._named_ratings())

    def _faults(self) -> Iterator[pl.Expr]:
        there = self._selection.ours
        for name in self._needed:
            yield pl.when(pl.col(name).is_null()).then(pl.lit(f"{name} is missing"))
        actor = pl.all_horizontal(pl.col(name).is_null() for name in _ACTOR if name in there)
        yield pl.when(actor).then(pl.lit("user_id and session_id are missing"))
        if "event_type" in there:
            stars = pl.col("value").is_in([1.0, 2.0, 3.0, 4.0, 5.0]) if "value" in there else pl.lit(value=False)
            unrated = (pl.col("event_type") == "rating") & ~stars.fill_null(value=False)
            yield pl.when(unrated).then(pl.lit("the rating's value is no whole number from 1 to 5"))

    def _named_ratings(self) -> list[pl.Expr]:
        if not {"event_type", "value"} <= set(self._selection.ours):
            return []
        stars = pl.concat_str(pl.lit("rating_"), pl.col("value").cast(pl.Int64, strict=False).cast(pl.String))
        kind = pl.col("event_type")
        return [pl.when(kind == "rating").then(stars).otherwise(kind).alias("event_type")]


class PositionColumn:
    """A column of positions in a list, from 0."""

    def __init__(self, name: str) -> None:
        self._numbers = NumberColumn(name)

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as Int32."""
        values, reason = self._numbers(raw)
        wrong = ~(values.is_between(0, MAX_POSITION) & (values == values.round(0))).fill_null(value=True)
        fault = pl.when(wrong).then(pl.lit(f"{values.name} is no whole number from 0"))
        reason = reason.to_frame("reason").select(pl.coalesce("reason", fault)).to_series()
        return Converted(values.set(wrong, None).cast(pl.Int32), reason)


_CONVERTERS: dict[str, Callable[[str], Converter]] = {
    "timestamp": TimeColumn,
    "value": NumberColumn,
    "position": PositionColumn,
    "context": ObjectColumn,
}
"""Every other column of ours is an id."""


def _converter(name: str) -> Converter:
    return _CONVERTERS.get(name, IdColumn if name in EVENT_COLUMNS else TextColumn)(name)
