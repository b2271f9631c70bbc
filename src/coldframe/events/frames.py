"""Items and users as frames, and back.

Owns the columns of these frames. Never reads a file.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
import polars as pl

from coldframe.domain import Item, User
from coldframe.errors import InputError
from coldframe.events.frame_table import FrameTable
from coldframe.events.objects import canonical
from coldframe.events.records import Records, item_records, user_records
from coldframe.events.schema import TIME

T = TypeVar("T")
ITEM_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "item_id": pl.String,
    "title": pl.String,
    "text": pl.String,
    "categories": pl.List(pl.String),
    "tags": pl.List(pl.String),
    "embedding": pl.List(pl.Float64),
    "created_at": TIME,
    "expires_at": TIME,
    "available": pl.Boolean,
}
"""Column → type, without `numeric`."""
USER_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "user_id": pl.String,
    "signed_up_at": TIME,
    "attributes": pl.String,
}
"""Column → type; `attributes` is a JSON object as text, null when there are none."""


def items_frame(items: Iterable[Item]) -> pl.DataFrame:
    """Return items with the columns of `ITEM_TYPES` and `numeric`, a struct with one Float64 field per name.

    >>> items_frame([Item(item_id="a", numeric={"price": 2.5}), Item(item_id="b")])["numeric"].to_list()
    [{'price': 2.5}, {'price': None}]
    """
    found = list(items)
    names = list(dict.fromkeys(name for item in found for name in item.numeric))
    numeric = pl.Struct(dict.fromkeys(names, pl.Float64))
    return _frame(found, {**ITEM_TYPES, **({"numeric": numeric} if names else {})})


def item_texts(items: Iterable[Item]) -> pl.DataFrame:
    """Return items as `items_frame` does, but with `numeric` as JSON text, whatever the names are."""
    found = list(items)
    numeric = pl.Series("numeric", [canonical(item.numeric) for item in found], dtype=pl.String)
    return _frame(found, ITEM_TYPES).with_columns(numeric)


def users_frame(users: Iterable[User]) -> pl.DataFrame:
    """Return users with the columns of `USER_TYPES`.

    >>> users_frame([User(user_id="u", attributes={"plan": "free"})])["attributes"].to_list()
    ['{"plan":"free"}']
    """
    found = list(users)
    attributes = pl.Series("attributes", [canonical(user.attributes) for user in found], dtype=pl.String)
    return _frame(found, {name: USER_TYPES[name] for name in ("user_id", "signed_up_at")}).with_columns(attributes)


def frame_items(frame: pl.DataFrame) -> list[Item]:
    """Return the items in a frame, by the rules of an item file. Raises `InputError` for the first row that breaks one.

    >>> frame_items(pl.DataFrame({"item_id": [7], "tags": ["a|b"], "price": [1.5]}))[0].numeric
    {'price': 1.5}
    """
    return _all(item_records(FrameTable(frame)))


def frame_users(frame: pl.DataFrame) -> list[User]:
    """Return the users in a frame, by the rules of a user file. Raises `InputError` like `frame_items`."""
    return _all(user_records(FrameTable(frame)))


def _frame(records: Sequence[msgspec.Struct], types: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    columns = {name: [_plain(getattr(record, name)) for record in records] for name in types}
    return pl.DataFrame([pl.Series(name, columns[name], dtype=dtype) for name, dtype in types.items()])


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _all(records: Records[T]) -> list[T]:
    found = [record for batch in records.batches() for record in batch]
    if len(records.refused):
        first = records.refused.kept[0]
        raise InputError(f"Row {first.line} of the frame: {first.reason}.", remedy="Mend it or leave it out.")
    return found
