"""Columns as a TFRecord file of `tf.train.Example` messages, without TensorFlow or protobuf.

Owns the file: it appears whole or not at all, the same columns give the same bytes, and it is read back only when every
checksum holds. Integers become Int64List features, floats FloatList features, one value each, sorted by name. Never
compresses, shuffles or splits, and reads only what is spelt as it writes.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldframe.errors import InputError
from coldframe.events.writing import beside
from coldframe.shards import framing
from coldframe.shards.crc32c import tables
from coldframe.shards.message import Column, Layout, columns_of, layout_in, layout_of, words_of

BLOCK_ROWS = 16_384
"""Rows encoded before they are written: a few MB, so that they are still in the processor's cache."""

_FAULTS = {
    framing.CUT: "ends within record {row}, which begins at byte {start}",
    framing.BAD_LENGTH: "is damaged: the length of record {row}, which begins at byte {start}, fails its checksum",
    framing.BAD_MESSAGE: "is damaged: record {row}, which begins at byte {start}, fails its checksum",
    framing.FOREIGN: "was written by something else: record {row}, which begins at byte {start}, is spelt another way",
}


def encode(columns: Mapping[str, Column]) -> NDArray[np.uint8]:
    r"""Return rows as framed records, uint8 [n_bytes].

    `columns` are integers of any width or float32 or float64 [n_rows]. A float64 is rounded to the nearest float32.
    Raises `InputError` when there is no column, they differ in length, or a name, a dtype, an integer above 2⁶³ - 1
    or a finite float beyond float32 cannot be written.

    >>> bytes(encode({"user": np.array([7])})[12:-4])
    b'\n\x0f\n\r\n\x04user\x12\x05\x1a\x03\n\x01\x07'
    """
    return _encode(columns, layout_of(columns))


def write_tfrecord(path: Path, columns: Mapping[str, Column], *, block_rows: int = BLOCK_ROWS) -> int:
    """Write rows, as `encode` takes them, to a file and return its size in bytes.

    It is written beside `path`, synced and renamed, `block_rows` ≥ 1 rows at a time; they do not change its bytes.
    Raises `InputError` when the columns or the place cannot be used; then what was at `path` is as it was.
    """
    if block_rows < 1:
        raise InputError(f"{path} cannot be written {block_rows} rows at a time.", remedy="Pass block_rows above 0.")
    layout = layout_of(columns)
    n_rows, n_bytes = len(next(iter(columns.values()))), 0
    with beside(path) as draft, draft.open("wb") as file:
        for start in range(0, n_rows, block_rows):
            block = {name: column[start : start + block_rows] for name, column in columns.items()}
            n_bytes += file.write(_encode(block, layout).data)
    return n_bytes


def read_tfrecord(path: Path, *, rows: int | None = None) -> dict[str, Column]:
    """Return the columns of a file that `write_tfrecord` wrote, sorted by name: int64 and float32 [n_rows].

    A file of no rows has no columns. `rows` is how many records there must be: without it nobody sees that a file was
    cut just between two. Raises `InputError` when the file cannot be read, a record is cut, fails a checksum or is
    not spelt as `encode` does, and names the record, counted from 0, and the byte where it begins.
    """
    data = _bytes_of(path)
    code, found, start = map(int, framing.verify(data, tables()))
    if code != framing.WHOLE:
        raise _fault(path, code, found, start)
    if rows is not None and rows != found:
        raise InputError(f"{path} has {found} records, not {rows}.", remedy="Write it again.")
    return _decode(path, data, found) if found else {}


def _encode(columns: Mapping[str, Column], layout: Layout) -> NDArray[np.uint8]:
    words = words_of(columns, layout)
    sizes, bodies, total = framing.measure(words, layout.floats, layout.edges)
    out = np.empty(total, np.uint8)
    framing.write(out, words, sizes, bodies, layout.floats, layout.heads, layout.edges, tables())
    return out


def _decode(path: Path, data: NDArray[np.uint8], n_rows: int) -> dict[str, Column]:
    stop = framing.BEFORE + int(data[:8].view("<u8")[0])
    try:
        layout = layout_in(data[framing.BEFORE : stop].tobytes())
    except (ValueError, IndexError) as error:
        raise _fault(path, framing.FOREIGN, 0, 0) from error
    # A value takes more than a byte: where the file is too small for all rows, one of the first is not as it must be.
    words = np.empty((min(n_rows, len(data) // len(layout.kinds)), len(layout.kinds)), np.uint64)
    code, row, start = map(int, framing.read(words, data, layout.floats, layout.around, layout.heads, layout.edges))
    if code != framing.WHOLE:
        raise _fault(path, code, row, start)
    return columns_of(words, layout)


def _bytes_of(path: Path) -> NDArray[np.uint8]:
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", remedy="Check the path.") from error


def _fault(path: Path, code: int, row: int, start: int) -> InputError:
    remedy = "Read it with TensorFlow." if code == framing.FOREIGN else "Write it again."
    return InputError(f"{path} {_FAULTS[code].format(row=row, start=start)}.", remedy=remedy)
