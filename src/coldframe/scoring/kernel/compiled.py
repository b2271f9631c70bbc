"""The scan in C: codes of 8 bits beside the vectors they stand for.

Owns the memory that scan.c reads. A bundle holds vectors alone; their codes are made when it is opened, so that what the
bound rests on is what is there.
"""

import ctypes
from collections.abc import Sequence

import numpy as np

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.scoring.kernel.library import Blocks, Library

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

    def survivors(self, query: Floats, among: Sequence[Bools], k: Sequence[int]) -> list[Rows]:
        """Return for each mask a superset of its k best rows, with all that are tied with one of them."""
        n = len(k)
        rows, counts = np.empty((n, self._n), np.int32), np.empty(n, np.int64)
        masks = (ctypes.c_void_p * n)(*(mask.ctypes.data for mask in among))
        self._library.scan(
            self._level,
            self._blocks,
            query.ctypes.data,
            self._dim,
            n,
            masks,
            (ctypes.c_int64 * n)(*(max(1, each) for each in k)),
            rows.ctypes.data,
            counts.ctypes.data,
        )
        return [found[:count] for found, count in zip(rows, counts.tolist(), strict=True)]
