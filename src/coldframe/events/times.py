"""Times of every kind as microseconds since 1970, UTC.

Owns how a time may be written: ISO 8601 text, a native timestamp or date, or a Unix time in seconds, milliseconds,
microseconds or nanoseconds. A time without a zone is UTC. Never asks what time it is.
"""

import polars as pl

from coldframe.errors import ColumnError
from coldframe.events.convert import Converted, judged
from coldframe.events.schema import FIRST_TIME_US, LAST_TIME_US, TIME

UNITS_US = (1e6, 1e3, 1.0, 1e-3)
"""Microseconds in a second, a millisecond, a microsecond and a nanosecond."""
NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
ISO_8601 = (
    r"^(?P<date>\d{4}-\d{2}-\d{2})(?:[Tt ](?P<minute>\d{2}:\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"\s?(?:[Zz]|UTC|(?P<sign>[+-])(?P<zone_hour>[01]\d|2[0-3]):?(?P<zone_minute>[0-5]\d)?)?)?$"
)


def unit_us(numbers: pl.Series) -> float:
    """Return how many microseconds one unit of a column of Unix times is: the coarsest that ends before 2200.

    The median decides, so that one wrong value does not move all the others.

    >>> unit_us(pl.Series([1323432000.0])), unit_us(pl.Series([1323432000000.0, 0.0, 1323432000001.0]))
    (1000000.0, 1000.0)
    """
    middle = numbers.cast(pl.Float64).fill_nan(None).abs().median()
    if not isinstance(middle, float):
        return UNITS_US[0]
    return next((unit for unit in UNITS_US if middle * unit < LAST_TIME_US), UNITS_US[-1])


class TimeColumn:
    """A column of times; the unit of Unix times is settled by the first batch that has any."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._unit: float | None = None

    def __call__(self, raw: pl.Series) -> Converted:
        """Return the column as `TIME`."""
        micros, out = self._micros(raw)
        readable = micros.is_not_null() | out
        return judged(
            micros.cast(TIME),
            (raw.is_not_null() & ~readable, f"{self._name} is neither ISO 8601 nor a Unix time"),
            (out, f"{self._name} is before 1970 or after 2199"),
        )

    def _micros(self, raw: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return microseconds (null where there are none in range) and where the value is out of range."""
        dtype = raw.dtype
        if isinstance(dtype, pl.Datetime):
            return _scaled(raw.to_physical(), {"ms": 1e3, "us": 1.0, "ns": 1e-3}[dtype.time_unit])
        if dtype == pl.Date:
            return _scaled(raw.to_physical().cast(pl.Int64), 86_400e6)
        if dtype.is_numeric():
            return self._unix(raw)
        if isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null):
            return self._text(raw.cast(pl.String))
        raise ColumnError(f"{self._name} holds {dtype}, not times.", remedy="Write times as docs/importing.md shows.")

    def _unix(self, raw: pl.Series) -> tuple[pl.Series, pl.Series]:
        numbers = raw.cast(pl.Float64, strict=False) if not raw.dtype.is_integer() else raw
        if self._unit is None and raw.null_count() < len(raw):
            self._unit = unit_us(numbers)
        return _scaled(numbers, self._unit or UNITS_US[0])

    def _text(self, text: pl.Series) -> tuple[pl.Series, pl.Series]:
        numeric = text.str.contains(NUMBER).fill_null(value=False)
        iso = text.set(numeric, None)
        micros, out = _scaled(_parsed(iso), 1.0)
        if not numeric.any():
            return micros, out
        unix, unix_out = self._unix(text.set(~numeric, None).cast(pl.Float64, strict=False))
        return micros.zip_with(~numeric, unix), out | unix_out


def _scaled(numbers: pl.Series, unit: float) -> tuple[pl.Series, pl.Series]:
    inside = (numbers >= FIRST_TIME_US / unit) & (numbers < LAST_TIME_US / unit)
    kept = numbers.set(~inside.fill_null(value=False), None)
    if not numbers.dtype.is_integer():
        micros = (kept * unit).round().cast(pl.Int64)
    else:
        whole = kept.cast(pl.Int64)
        micros = whole * int(unit) if unit >= 1 else whole // round(1 / unit)
    return micros, numbers.is_not_null() & ~inside


def _parsed(text: pl.Series) -> pl.Series:
    """Return microseconds of ISO 8601 texts, null where they are none."""
    part = pl.col("part").struct.field
    stamp = pl.concat_str(part("date"), pl.lit("T"), part("minute").fill_null("00:00"), pl.lit(":"), _or_00("second"))
    second = stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False).dt.epoch("us")
    fraction = part("fraction").fill_null("0").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    offset = 60 * _or_00("zone_hour").cast(pl.Int64) + _or_00("zone_minute").cast(pl.Int64)
    sign = pl.when(part("sign") == "-").then(-1).otherwise(1)
    micros = second + fraction - sign * offset * 60_000_000
    parts = text.to_frame().select(part=pl.col(text.name).str.extract_groups(ISO_8601))
    return parts.select(micros.alias(text.name)).to_series()


def _or_00(name: str) -> pl.Expr:
    return pl.col("part").struct.field(name).fill_null("00")
