"""Rows of a file as items and users: every column converted, and what becomes of a column that is not ours.

Owns these rules. Never opens a file and never writes to a store.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
import polars as pl

from coldframe.domain import Item, Scalar, User
from coldframe.events.columns import require, select
from coldframe.events.convert import Converter, FlagColumn, IdColumn, NumberColumn, TextColumn
from coldframe.events.lists import NamesColumn, VectorColumn
from coldframe.events.objects import ObjectColumn, read_object
from coldframe.events.table import Batch, Refused, Table
from coldframe.events.times import TimeColumn

T = TypeVar("T")
Row = dict[str, Any]
Choose = Callable[[pl.Series, bool], Converter | None]
"""(a column that is not ours, whether the format has only text) → how to read it; None: not at all."""

LOOKS_LIKE_A_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
"""Without a leading zero: 007 is a code, not a number."""


class Records(Generic[T]):
    """The items or users of one table. Iterate once over `batches()`; then `refused` and `ignored` are complete."""

    def __init__(
        self,
        table: Table,
        converters: Mapping[str, Converter],
        choose: Choose,
        build: Callable[[Row, Row], T],
        *,
        columns: Mapping[str, str] | None,
        constants: Mapping[str, str] | None,
    ) -> None:
        self._table, self._choose, self._build = table, choose, build
        self._selection = select(table, tuple(converters), columns=columns, constants=constants, others=True)
        self._key = next(iter(converters))
        require(table, self._selection, (self._key,))
        self._ours = [name for name in self._selection.ours if name in converters]
        self._converters: dict[str, Converter | None] = {name: converters[name] for name in self._ours}
        self.refused = Refused()

    @property
    def ignored(self) -> list[str]:
        """The table's columns of which nothing is kept."""
        left = {self._selection.theirs.get(name) for name, converter in self._converters.items() if converter is None}
        unread = self._selection.unread(self._table)
        return [name for name in self._table.columns if name in left or name in unread]

    def batches(self) -> Iterator[list[T]]:
        """Yield valid records, batch by batch."""
        for batch in self._table.batches(self._selection.read):
            self.refused.add(batch.broken)
            yield self._records(batch)

    def _records(self, batch: Batch) -> list[T]:
        raw = self._selection.raw(batch)
        self._settle(raw)
        converted = {name: convert(raw[name]) for name, convert in self._converters.items() if convert is not None}
        missing = converted[self._key].values.is_null()
        reason = pl.select(
            pl.coalesce(
                *(pl.lit(column.reason) for column in converted.values()),
                pl.when(pl.lit(missing)).then(pl.lit(f"{self._key} is missing")),
            ).alias("reason")
        ).to_series()
        self.refused.add_where(batch, reason)
        good = pl.DataFrame([column.values for column in converted.values()]).filter(reason.is_null())
        return [self._record(row) for row in good.iter_rows(named=True)]

    def _settle(self, raw: Mapping[str, pl.Series]) -> None:
        """Decide about columns that are not ours, once there is a value in them."""
        for name, series in raw.items():
            if name not in self._converters and series.null_count() < len(series):
                self._converters[name] = self._choose(series, self._table.untyped)

    def _record(self, row: Row) -> T:
        known = {name: value for name, value in row.items() if value is not None}
        ours = {name: _in_utc(known.pop(name)) for name in self._ours if name in known}
        return self._build(ours, known)


def item_records(
    table: Table, *, columns: Mapping[str, str] | None = None, constants: Mapping[str, str] | None = None
) -> Records[Item]:
    """Return the items of a table; a column that is not ours is a numeric when it holds numbers.

    Raises `ColumnError` without an `item_id`.
    """
    converters: dict[str, Converter] = {
        "item_id": IdColumn("item_id"),
        "title": TextColumn("title"),
        "text": TextColumn("text"),
        "categories": NamesColumn("categories"),
        "tags": NamesColumn("tags"),
        "numeric": ObjectColumn("numeric", numbers=True),
        "embedding": VectorColumn("embedding"),
        "created_at": TimeColumn("created_at"),
        "expires_at": TimeColumn("expires_at"),
        "available": FlagColumn("available"),
    }
    return Records(table, converters, _numeric, _item, columns=columns, constants=constants)


def user_records(
    table: Table, *, columns: Mapping[str, str] | None = None, constants: Mapping[str, str] | None = None
) -> Records[User]:
    """Return the users of a table; every column that is not ours is an attribute.

    Raises `ColumnError` without a `user_id`.
    """
    converters: dict[str, Converter] = {
        "user_id": IdColumn("user_id"),
        "signed_up_at": TimeColumn("signed_up_at"),
        "attributes": ObjectColumn("attributes"),
    }
    return Records(table, converters, _attribute, _user, columns=columns, constants=constants)


def _numeric(series: pl.Series, untyped: bool) -> Converter | None:
    numbers = series.dtype.is_numeric() or series.dtype == pl.Boolean or (untyped and _looks_numeric(series))
    return NumberColumn(series.name) if numbers else None


def _attribute(series: pl.Series, untyped: bool) -> Converter | None:
    if series.dtype == pl.Boolean:
        return FlagColumn(series.name)
    if series.dtype.is_nested() or series.dtype == pl.Binary:
        return None
    return _numeric(series, untyped) or TextColumn(series.name)


def _looks_numeric(series: pl.Series) -> bool:
    return bool(series.cast(pl.String).drop_nulls().str.contains(LOOKS_LIKE_A_NUMBER).all())


def _item(ours: Row, others: dict[str, float]) -> Item:
    lists = {name: tuple(ours[name]) for name in ("categories", "tags", "embedding") if name in ours}
    numeric = {**read_object(ours.pop("numeric", "{}"), "numeric", numbers=True), **others}
    return msgspec.convert({**ours, **lists, "numeric": numeric}, Item)


def _user(ours: Row, others: dict[str, Scalar]) -> User:
    attributes = {**read_object(ours.pop("attributes", "{}"), "attributes"), **others}
    return msgspec.convert({**ours, "attributes": attributes}, User)


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
