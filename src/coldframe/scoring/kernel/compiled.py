"""The scan in C: codes of 4 and of 8 bits beside the vectors they stand for.

Owns the memory that scan.c reads. A bundle holds vectors alone; their codes are made when it is opened, so that what
the bound rests on is what is there.
"""

import ctypes
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.pacing import rest, rested
from coldframe.scoring.kernel.library import Blocks, Library
from coldframe.scoring.kernel.turning import turning_of
from coldframe.scoring.kernel.wishes import Best, Wanted, by_scoring

LINE = 64
"""Bytes of a cache line; blocks and codes begin at one."""
LANES, GROUP = 16, 32
LEADING = 4
"""One in so many groups of dimensions leads."""
CHUNK = 512
"""Rows quantised at a time, whole blocks."""


class Compiled:
    """Vectors and biases as in `Matrix`. `level` asks for other instructions than the widest, for tests."""

    def __init__(self, vectors: Floats, bias: Floats | None, library: Library, level: int | None = None) -> None:
        self._library, self._level = library, library.level if level is None else level
        n, dim = vectors.shape
        self._turning = turning = turning_of(vectors)
        groups = -(-dim // (LEADING * GROUP))
        more = -(-dim // GROUP) - groups
        rest()
        blocks = at_a_line(library.bytes(n, groups))
        deeper = at_a_line(-(-n // LANES) * LANES * more * GROUP // 2)
        tails, limits = np.zeros((-(-n // LANES), LANES), np.float32), np.zeros((-(-n // LANES), 4), np.float32)
        rows = np.empty((n, 4), np.float32)
        codes = at_a_line(n * dim).view(np.int8).reshape(n, dim)
        self._kept = vectors, bias, blocks, deeper, tails, limits, codes, rows
        self._vectors, self._bias = vectors.ctypes.data, None if bias is None else bias.ctypes.data
        self._axes = None if turning.asked is None else turning.asked.ctypes.data
        self._n, self._dim = n, dim
        where = [array.ctypes.data for array in (blocks, deeper, tails, limits, codes, rows, turning.spread)]
        self._blocks = Blocks(*where, n, groups, more, dim, turning.error)
        self._quantise(vectors, bias)

    def _quantise(self, vectors: Floats, bias: Floats | None) -> None:
        """Make the codes, some rows at a time: turned vectors are needed for a moment only."""
        for start in rested(range(0, len(vectors), CHUNK), 1):
            turned = self._turning.turned(vectors[start : start + CHUNK])
            own = None if bias is None else bias[start:].ctypes.data
            self._library.quantise(self._level, self._blocks, start, turned.ctypes.data, own, len(turned))

    def scores(self, query: Floats, rows: Rows | None) -> Floats:
        """Return exact scores of some rows, or of all."""
        n, address = (self._n, None) if rows is None else (len(rows), rows.ctypes.data)
        found = np.empty(n, np.float32)
        self._library.exact(
            self._level, self._vectors, self._bias, self._dim, query.ctypes.data, address, n, found.ctypes.data
        )
        return found

    def best(self, query: Floats, wanted: Sequence[Wanted], key: int) -> Best:
        """Return the best rows of each wish for a finite query."""
        k = [min(each.k, self._n) for each in wanted]
        if not k or min(k) < 1:
            return self._best_of_all(query, wanted, key)
        starts = [0, *accumulate(k)]
        rows, counts = np.empty(starts[-1], np.int32), np.empty((2, len(k)), np.int64)
        masks = (ctypes.c_void_p * len(k))(*(each.among.ctypes.data for each in wanted))
        sizes, places = (ctypes.c_int64 * len(k))(*k), (ctypes.c_int64 * len(k))(*starts[:-1])
        where = counts.ctypes.data
        overflowed = self._library.best(
            *(self._level, self._blocks, self._vectors, self._bias, self._axes, query.ctypes.data),
            *(len(k), masks, sizes, key & (2**64 - 1), places, rows.ctypes.data, where, where + 8 * len(k)),
        )
        if overflowed:
            return self._best_of_all(query, wanted, key)
        found, scanned = counts.tolist()
        return Best([rows[start : start + size] for start, size in zip(starts, found, strict=False)], scanned)

    def _best_of_all(self, query: Floats, wanted: Sequence[Wanted], key: int) -> Best:
        return by_scoring(self, query, [np.flatnonzero(each.among) for each in wanted], wanted, key)


def at_a_line(size: int) -> NDArray[np.uint8]:
    """Return so many bytes, all 0, that begin at a cache line."""
    memory = np.zeros(size + LINE, np.uint8)
    return memory[-memory.ctypes.data % LINE :][:size]
