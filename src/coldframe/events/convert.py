"""Columns of any type into columns of ours: ids as text, numbers, times; each with a reason where a value does not fit.

Owns what a raw value may look like. What a whole column looks like is settled by its first batch: a converter keeps
that for the batches that follow. Never looks at two columns together.
"""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from coldframe.domain import MAX_ID_BYTES, MAX_TEXT_CHARS
from coldframe.errors import ColumnError

WHOLE_TEXT = r"^(-?\d+)\.0+$"
"""How a whole number looks after a program turned a column of ids with gaps into floats: 12346.0."""
EXACT_FLOAT = float(2**53)
"""From here on a float no longer tells two neighbouring whole numbers apart."""


class Converted(NamedTuple):
    """A column of ours, null where unknown or unusable, and the reason (text) where it is unusable."""

    values: pl.Series
    reason: pl.Series


Converter = Callable[[pl.Series], Converted]


def judged(values: pl.Series, *faults: tuple[pl.Series | pl.Expr, str]) -> Converted:
    """Return values with the reason of the first fault that holds of each.

    >>> judged(pl.Series("n", [1, -1]), (pl.col("n") < 0, "n is negative")).reason.to_list()
    [None, 'n is negative']
    """
    cases = [pl.when(mask).then(pl.lit(reason)) for mask, reason in faults]
    reason = pl.coalesce(*cases, pl.lit(None, dtype=pl.String)).alias("reason")
    return Converted(values, values.to_frame().select(reason).to_series())


class IdColumn:
    """An id column: whole numbers become text without passing through floats; 1 to 512 bytes without NUL."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._whole: bool | None = None

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as text."""
        name, dtype = self._name, raw.dtype
        if dtype.is_float() or dtype.is_decimal():
            return self._from_floats(raw.cast(pl.Float64).fill_nan(None))
        if not (dtype.is_integer() or isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null)):
            raise ColumnError(f"{name} holds {dtype}, which cannot be an id.", remedy="Write ids as text or integers.")
        text = raw.cast(pl.String)
        if dtype == pl.String:
            text = self._without_point(text)
        id_ = pl.col(text.name)
        return judged(
            text,
            (id_ == "", f"{name} is empty"),
            (id_.str.len_bytes() > MAX_ID_BYTES, f"{name} is longer than {MAX_ID_BYTES} bytes"),
            (id_.str.contains("\x00", literal=True), f"{name} holds NUL"),
        )

    def _from_floats(self, raw: pl.Series) -> Converted:
        whole = (raw == raw.round(0)) & (raw.abs() < EXACT_FLOAT)
        text = raw.set(~whole, None).cast(pl.Int64).cast(pl.String)
        return judged(text, (~whole, f"{self._name} is a float that is no exact whole number"))

    def _without_point(self, text: pl.Series) -> pl.Series:
        if self._whole is None and text.null_count() < len(text):
            self._whole = bool(text.drop_nulls().str.contains(WHOLE_TEXT).all())
        return text.str.replace(WHOLE_TEXT, "${1}") if self._whole else text


class NumberColumn:
    """A column of finite numbers."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as Float64."""
        if not (raw.dtype.is_numeric() or isinstance(raw.dtype, pl.String | pl.Boolean | pl.Null)):
            raise ColumnError(f"{self._name} holds {raw.dtype}, not numbers.", remedy="Write numbers, or drop it.")
        numbers = raw.cast(pl.Float64, strict=False)
        return judged(
            numbers.set(numbers.is_infinite() | numbers.is_nan(), None),
            (raw.is_not_null() & numbers.is_null(), f"{self._name} is not a number"),
            (~numbers.is_finite(), f"{self._name} is not finite"),
        )


class TextColumn:
    """A column of free text; numbers, booleans and dates become text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as text of at most 100,000 characters without NUL."""
        if raw.dtype.is_nested() or isinstance(raw.dtype, pl.Binary | pl.Object):
            raise ColumnError(f"{self._name} holds {raw.dtype}, not text.", remedy="Write text, or drop the column.")
        text = raw.cast(pl.String)
        return judged(
            text,
            (text.str.len_chars() > MAX_TEXT_CHARS, f"{self._name} is longer than {MAX_TEXT_CHARS:,} characters"),
            (text.str.contains("\x00", literal=True), f"{self._name} holds NUL"),
        )


class FlagColumn:
    """A column of yes and no: booleans, 1 and 0, or true, yes, y, t, 1 and false, no, n, f, 0 as text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as Boolean."""
        if raw.dtype.is_nested():
            raise ColumnError(f"{self._name} holds {raw.dtype}, not true or false.", remedy="Write true or false.")
        text = (raw.cast(pl.Int64, strict=False) if raw.dtype.is_numeric() else raw).cast(pl.String).str.to_lowercase()
        flags = text.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
        return judged(flags, (raw.is_not_null() & flags.is_null(), f"{self._name} is neither true nor false"))


_FLAGS = dict.fromkeys(("true", "yes", "y", "t", "1"), True) | dict.fromkeys(("false", "no", "n", "f", "0"), False)
