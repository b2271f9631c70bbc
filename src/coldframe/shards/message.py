"""How one row is spelt as a `tf.train.Example` message: features sorted by name, one value each.

Owns everything in a message but the values: the bytes before each value depend only on the feature's name, its kind
and how many bytes the value takes, so they are made once for all rows. Never touches a file or a checksum.

    Example   0a |features|  entry …
    entry     0a |entry|     0a |name| name    12 |feature| feature
    feature   1a |list|      0a |value| value, a varint of 1 to 10 bytes         (Int64List)
              12 |list|      0a 04      value, 4 bytes little-endian             (FloatList)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.errors import InputError

Column = NDArray[Any]
Words = NDArray[np.uint64]

SLOTS = 11
"""Sizes a value may have, 0 to 10 bytes; each has a head of its own, and that of size 0 is empty."""

_FIELD, _VALUE, _FLOATS, _INTS = b"\x0a", b"\x12", b"\x12", b"\x1a"
_INTEGERS, _REALS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64", "float32 float64"
_GREATEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Layout:
    """What all rows share: the features' names, sorted, each with whether it is a FloatList."""

    kinds: Mapping[str, bool]

    @cached_property
    def floats(self) -> NDArray[np.bool_]:
        """Whether each feature is a FloatList, bool [n_features]."""
        return np.fromiter(self.kinds.values(), np.bool_)

    @cached_property
    def around(self) -> NDArray[np.int64]:
        """The length of each entry without its own tag and length, less the size of the value, int64 [n_features]."""
        return np.array([len(_entry(name.encode(), is_float, 0)) for name, is_float in self.kinds.items()], np.int64)

    @cached_property
    def heads(self) -> NDArray[np.uint8]:
        """All bytes that come before values, of feature 0 and size 0, 1, …, then of feature 1: uint8 [n]."""
        return np.frombuffer(b"".join(self._heads()), np.uint8)

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Where each of `heads` begins, and the end: int64 [n_features × SLOTS + 1]."""
        return np.cumsum([0, *(len(head) for head in self._heads())], dtype=np.int64)

    def _heads(self) -> Iterator[bytes]:
        for name, is_float in self.kinds.items():
            yield b""
            for size in range(1, SLOTS):
                entry = _entry(name.encode(), is_float, size)
                yield _FIELD + _varint(len(entry) + size) + entry


def layout_of(columns: Mapping[str, Column]) -> Layout:
    """Return how rows of these columns [n_rows] are spelt.

    Raises `InputError` when there is no column, one is not one-dimensional or longer than another, or a name or a
    dtype cannot be written.
    """
    if not columns:
        raise InputError("There is no column to write.", remedy="Pass at least one.")
    for name, column in columns.items():
        _check(name, column)
    lengths = {len(column): name for name, column in columns.items()}
    if len(lengths) > 1:
        told = ", ".join(f"{name!r} has {length}" for length, name in lengths.items())
        raise InputError(f"Columns differ in length: {told}.", remedy="Pass one value of each column for each row.")
    return Layout({name: columns[name].dtype.kind == "f" for name in sorted(columns)})


def layout_in(message: bytes) -> Layout:
    """Return the names and kinds in a message. Raises `ValueError` or `IndexError` when it is no such message.

    Says nothing about the rest of its bytes: whether they are as this module spells them is for the reader to check.
    """
    kinds: dict[str, bool] = {}
    ((_, features),) = _fields(message)
    for _, entry in _fields(features):
        (_, name), (_, feature) = _fields(entry)
        ((tag, _),) = _fields(feature)
        kinds[name.decode()] = tag == _FLOATS[0]
    if not kinds:
        raise ValueError("no feature")
    return Layout(dict(sorted(kinds.items())))


def words_of(columns: Mapping[str, Column], layout: Layout) -> Words:
    """Return what varints and floats are made of: uint64 [n_rows, n_features], signed integers in two's complement.

    A float64 is rounded to the nearest float32. Raises `InputError` when a value does not fit.
    """
    words = np.empty((len(next(iter(columns.values()))), len(layout.kinds)), np.uint64)
    for k, (name, is_float) in enumerate(layout.kinds.items()):
        words[:, k] = (_float_bits if is_float else _integer_bits)(name, columns[name])
    return words


def columns_of(words: Words, layout: Layout) -> dict[str, Column]:
    """Return what `words_of` was given, as int64 and float32 [n_rows]."""
    columns = ((name, words[:, k], is_float) for k, (name, is_float) in enumerate(layout.kinds.items()))
    return {
        name: column.astype(np.uint32).view(np.float32) if is_float else column.astype(np.int64)
        for name, column, is_float in columns
    }


def _check(name: str, column: Column) -> None:
    if column.ndim != 1:
        raise InputError(f"Column {name!r} has shape {column.shape}.", remedy="Pass one value for each row.")
    if column.dtype.name not in f"{_INTEGERS} {_REALS}".split():
        raise InputError(
            f"Column {name!r} is of {column.dtype}, which no feature holds.",
            remedy=f"Convert it to one of {_INTEGERS} {_REALS}.",
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"Column {name!r} cannot be spelt in UTF-8.", remedy="Rename it.") from error


def _integer_bits(name: str, column: Column) -> NDArray[np.uint64]:
    if column.dtype.kind == "u" and column.size and int(column.max()) > _GREATEST:
        raise InputError(f"Column {name!r} holds {column.max()}.", remedy=f"Keep it at or below {_GREATEST}.")
    return column.astype(np.int64).view(np.uint64)


def _float_bits(name: str, column: Column) -> NDArray[np.uint32]:
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = column.astype(np.float32)
    lost = np.isinf(rounded) & np.isfinite(column)
    if lost.any():
        raise InputError(
            f"Column {name!r} holds {column[lost][0]}, beyond float32.", remedy="Scale it or take its logarithm."
        )
    return rounded.view(np.uint32)


def _entry(name: bytes, is_float: bool, size: int) -> bytes:
    """Return an entry up to its value of `size` bytes, without the entry's own tag and length."""
    items = _FIELD + bytes([size])
    feature = (_FLOATS if is_float else _INTS) + bytes([len(items) + size]) + items
    return _FIELD + _varint(len(name)) + name + _VALUE + bytes([len(feature) + size]) + feature


def _varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each field of a message whose fields all have a length."""
    at = 0
    while at < len(message):
        tag, size, shift = message[at], 0, 0
        at += 1
        while message[at] & 0x80:
            size |= (message[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        size |= message[at] << shift
        yield tag, message[at + 1 : at + 1 + size]
        at += 1 + size
