"""The scan in C: codes of 8 bits beside the vectors they stand for.

Owns the memory that scan.c reads. A bundle holds vectors alone; their codes are made when it is opened, so that what the
bound rests on is what is there.
"""

import ctypes
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel.library import Blocks, Library
from coldframe.scoring.kernel.wishes import Best, Wanted

LINE = 64
"""Bytes of a cache line; blocks begin at one."""
LANES = 16


class Compiled:
    """Vectors and biases as in `Matrix`. `level` asks for other instructions than the widest, for tests."""

    def __init__(self, vectors: Floats, bias: Floats | None, library: Library, level: int | None = None) -> None:
        self._library, self._level = library, library.level if level is None else level
        n, dim = vectors.shape
        memory = np.zeros(library.bytes(n, dim) + LINE, np.uint8)
        codes = memory[-memory.ctypes.data % LINE :]
        limits = np.zeros((-(-n // LANES), 2), np.float32)
        self._kept = vectors, bias, codes, limits
        self._vectors, self._bias = vectors.ctypes.data, None if bias is None else bias.ctypes.data
        self._n, self._dim = n, dim
        self._blocks = Blocks(codes.ctypes.data, limits.ctypes.data, n, -(-dim // 4))
        library.quantise(self._level, self._vectors, self._bias, n, dim, codes.ctypes.data, limits.ctypes.data)

    def scores(self, query: Floats, rows: Rows | None) -> Floats:
        """Return exact scores of some rows, or of all."""
        n, address = (self._n, None) if rows is None else (len(rows), rows.ctypes.data)
        found = np.empty(n, np.float32)
        self._library.exact(
            self._level, self._vectors, self._bias, self._dim, query.ctypes.data, address, n, found.ctypes.data
        )
        return found

    def best(self, query: Floats, wanted: Sequence[Wanted], key: int) -> Best:
        """Return the best rows of each wish for a finite query; nobody wants less than one."""
        k = [min(each.k, self._n) for each in wanted]
        starts = [0, *accumulate(k)]
        rows, counts = np.empty(starts[-1], np.int32), np.empty((2, len(k)), np.int64)
        masks = (ctypes.c_void_p * len(k))(*(each.among.ctypes.data for each in wanted))
        sizes, places = (ctypes.c_int64 * len(k))(*k), (ctypes.c_int64 * len(k))(*starts[:-1])
        where = counts.ctypes.data
        self._library.best(
            *(self._level, self._blocks, self._vectors, self._bias, self._dim, query.ctypes.data),
            *(len(k), masks, sizes, key & (2**64 - 1), places, rows.ctypes.data, where, where + 8 * len(k)),
        )
        found, scanned = counts.tolist()
        return Best([rows[start : start + size] for start, size in zip(starts, found, strict=False)], scanned)
