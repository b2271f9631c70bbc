"""Blocks of plain CSV, a column at a time: many lines at once, as long as nothing about them is special.

Owns what is plain: no quotes, every line as many fields as the header, UTF-8. Anything else is left to `csv_table`,
which reads row by row and says which line is wrong.
"""

from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np
import polars as pl

BLOCK_BYTES = 1 << 23
"""Read at a time, up to the end of a line."""


def read_block(file: BinaryIO) -> bytes:
    """Return the next whole lines of a file, nothing at its end."""
    block = file.read(BLOCK_BYTES)
    return block if block.endswith(b"\n") else block + file.readline()


def is_simple(block: bytes) -> bool:
    """Return whether rows end where there is a line feed and nowhere else: nothing is quoted."""
    return b'"' not in block and b"\x00" not in block and block.count(b"\r") == block.count(b"\r\n")


def columns_of(block: bytes, delimiter: str, width: int, chosen: Mapping[str, int]) -> pl.DataFrame | None:
    r"""Return the chosen columns, name → place, of a block's lines as text, empty fields null; None where it is not
    plain.

    >>> columns_of(b"1,a,\n2,b,x\n", ",", 3, {"id": 0, "note": 2}).rows()
    [('1', None), ('2', 'x')]
    >>> columns_of(b"1,a,\n2,b\n", ",", 3, {"id": 0}) is None
    True
    """
    text = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    text = text if text.endswith(b"\n") else text + b"\n"
    if not is_simple(block) or text.startswith(BOM_UTF8) or not _fits(text, delimiter, width):
        return None
    try:
        found = pl.read_csv(text, has_header=False, separator=delimiter, quote_char=None, infer_schema=False)
    except pl.exceptions.PolarsError:  # not UTF-8
        return None
    return pl.DataFrame([found.to_series(place).alias(name) for name, place in chosen.items()])


def _fits(text: bytes, delimiter: str, width: int) -> bool:
    """Return whether every line has as many fields as it must, and something in them."""
    raw = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    fields = np.cumsum(raw == ord(delimiter), dtype=np.int32)[ends]
    return bool((np.diff(fields, prepend=0) == width - 1).all() and (np.diff(ends, prepend=-1) > 1).all())
