"""Lists in a column: native, as a JSON array, or as text split at `|`.

Owns their spelling, read and written. Never knows which column it is.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import polars as pl

from coldframe.errors import InputError
from coldframe.events.convert import Converted
from coldframe.events.rules import checked_id

SEPARATOR = "|"
_TEXTS = msgspec.json.Decoder(list[str])


class NamesColumn:
    """A column of lists of names, such as tags; each 1 to 512 bytes without NUL."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as List(String)."""
        return _each(raw, pl.Series(self._name, [], dtype=pl.List(pl.String)), self._names)

    def _names(self, value: Any) -> list[str]:
        names = value if isinstance(value, list) else split_names(str(value))
        return [checked_id(str(name), f"one of {self._name}") for name in names if name is not None]


class VectorColumn:
    """A column of lists of finite numbers, such as embeddings."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as List(Float64)."""
        return _each(raw, pl.Series(self._name, [], dtype=pl.List(pl.Float64)), self._numbers)

    def _numbers(self, value: Any) -> list[float]:
        parts = value if isinstance(value, list) else str(value).strip().strip("[]").replace(",", SEPARATOR).split("|")
        try:
            numbers = [float(part) for part in parts]
        except (TypeError, ValueError) as error:
            raise InputError(f"{self._name} is no list of numbers.", remedy="Write 0.1|0.2|…") from error
        if not all(map(math.isfinite, numbers)):
            raise InputError(f"{self._name} is not finite.", remedy="Leave out what is not known.")
        return numbers


def split_names(text: str) -> list[str]:
    """Return the names in a text: a JSON array of texts, or what stands between `|`, without spaces around it.

    >>> split_names("toys | games"), split_names('["a|b"]'), split_names("[sale] toys")
    (['toys', 'games'], ['a|b'], ['[sale] toys'])
    """
    if text.startswith("["):
        try:
            return _TEXTS.decode(text)
        except msgspec.DecodeError:
            pass
    return [name.strip() for name in text.split(SEPARATOR) if name.strip()]


def join_names(names: Sequence[str]) -> str:
    """Return names as the text that `split_names` reads back: joined by `|` where that is safe, else a JSON array.

    >>> join_names(["toys", "games"]), join_names(["a|b"])
    ('toys|games', '["a|b"]')
    """
    joined = SEPARATOR.join(names)
    return joined if split_names(joined) == list(names) else msgspec.json.encode(names).decode()


def _each(raw: pl.Series, empty: pl.Series, read: Callable[[Any], list[Any]]) -> Converted:
    values: list[list[Any] | None] = []
    reasons: list[str | None] = []
    for value in raw.to_list():
        found, reason = None, None
        try:
            found = None if value is None else read(value)
        except InputError as error:
            reason = error.message.rstrip(".")
        values.append(found)
        reasons.append(reason)
    column = pl.Series(empty.name, values, dtype=empty.dtype)
    return Converted(column, pl.Series("reason", reasons, dtype=pl.String))
