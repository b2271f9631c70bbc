"""Contexts, attributes, numerics: a JSON text or a struct, as one canonical text.

Owns the canonical form: names sorted, no spaces, numbers as floats. Never knows which column it is.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import polars as pl

from coldframe.domain import Scalar
from coldframe.errors import ColumnError, InputError
from coldframe.events.convert import Converted
from coldframe.events.rules import checked_map

_SCALARS = msgspec.json.Decoder(dict[str, Scalar])
_NUMBERS = msgspec.json.Decoder(dict[str, float])


class ObjectColumn:
    """A column of flat objects: texts, numbers and booleans by name, or `numbers` alone."""

    def __init__(self, name: str, *, numbers: bool = False) -> None:
        self._name = name
        self._numbers = numbers

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as canonical JSON text, the empty object as null."""
        if not isinstance(raw.dtype, pl.Struct | pl.String | pl.Null):
            raise ColumnError(f"{self._name} holds {raw.dtype}, not objects.", remedy="Write JSON objects.")
        known: dict[str | None, tuple[str | None, str | None]] = {None: (None, None)}
        found: list[tuple[str | None, str | None]] = []
        for text in raw if raw.dtype == pl.String else map(_as_json, raw):
            if text not in known:
                known[text] = self._canonical(text)
            found.append(known[text])
        values = pl.Series(self._name, [value for value, _ in found], dtype=pl.String)
        return Converted(values, pl.Series("reason", [reason for _, reason in found], dtype=pl.String))

    def _canonical(self, text: str | None) -> tuple[str | None, str | None]:
        try:
            return canonical(read_object(text or "", self._name, numbers=self._numbers)), None
        except InputError as error:
            return None, error.message.rstrip(".")


def read_object(text: str, name: str, *, numbers: bool = False) -> Mapping[str, Scalar]:
    """Return a JSON object of texts, numbers and booleans, or of `numbers` alone. Raises `InputError`.

    >>> read_object('{"b": 1, "a": "x"}', "context")
    {'b': 1.0, 'a': 'x'}
    """
    try:
        return checked_map((_NUMBERS if numbers else _SCALARS).decode(text), name)
    except (msgspec.DecodeError, RecursionError) as error:
        kinds = "numbers" if numbers else "texts, numbers and booleans"
        raise InputError(f"{name} is no JSON object of {kinds}.", remedy='Write it as {"name": 1.5}.') from error


def canonical(values: Mapping[str, Scalar]) -> str | None:
    """Return an object as text, None when it is empty.

    >>> canonical({"b": 1.0, "a": "x"})
    '{"a":"x","b":1.0}'
    """
    return msgspec.json.encode(values, order="sorted").decode() if values else None


def _as_json(struct: dict[str, Any] | None) -> str | None:
    if struct is None:
        return None
    kept = {name: value for name, value in struct.items() if value is not None}
    return msgspec.json.encode(kept, enc_hook=str).decode() if kept else None
