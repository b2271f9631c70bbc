"""The dense part of alternating least squares, in blocks of fixed size on a few threads, one BLAS thread each.

Owns threads and their buffers: nothing is allocated again per epoch. Where a block ends depends on the data alone, and
sums run in the order of blocks, so that results have the same bits on any number of threads.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from coldframe.dataset.training_set import Floats
from coldframe.models.als_kernel import System, lanes_of, solve_rows
from coldframe.models.csr import Csr

Doubles = NDArray[np.float64]
BLOCK = 2_048
"""Rows of one matrix product: with 128 columns, what a core's second cache holds."""

CHUNKS = 64
"""Parts that rows are solved in, of about equal work: enough that threads end together."""

ROW_COST = 8
"""What a row costs beside what it has seen, in seen entries."""


class Seen:
    """Weights ≥ 0 of seen pairs, [n, n_other], with the bounds of parts of about equal work."""

    def __init__(self, matrix: Csr) -> None:
        self.n = int(matrix.shape[0])
        self.rows = (
            matrix.indptr.astype(np.int64),
            matrix.indices.astype(np.int32, copy=False),
            matrix.data.astype(np.float32, copy=False),
        )
        cost = self.rows[0] + ROW_COST * np.arange(self.n + 1)
        self.bounds = np.unique(np.searchsorted(cost, np.linspace(0, cost[-1], CHUNKS + 1)))


class Crew:
    """Threads that solve and rotate blocks, as many as Numba may use; they go when the `with` block ends."""

    def __init__(self, width: int) -> None:
        self._lanes, self._open = lanes_of(width), ExitStack()
        self._n_threads = numba.get_num_threads()
        self._buffers: SimpleQueue[Floats] = SimpleQueue()
        for _ in range(self._n_threads):
            self._buffers.put(np.zeros((BLOCK, width), np.float32))

    def __enter__(self) -> Self:
        self._open.enter_context(threadpool_limits(1, user_api="blas"))
        self._pool = self._open.enter_context(ThreadPoolExecutor(self._n_threads))
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def moments(self, vectors: Floats, bias: Floats) -> tuple[Doubles, Doubles]:
        """Return V'V [width, width], and V'(1, bias) [width, 2], of `vectors` [n, width], summed over blocks."""

        def of_block(block: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
            rows, own = block
            return rows.T @ rows, rows.T @ np.column_stack([np.ones_like(own), own])

        gram, linear = np.zeros((vectors.shape[1],) * 2), np.zeros((vectors.shape[1], 2))
        for squares, sums in self._pool.map(of_block, zip(_blocks(vectors), _blocks(bias), strict=True)):
            gram += squares
            linear += sums
        return gram, linear

    def rotate(self, vectors: Floats, basis: Floats) -> None:
        """Replace `vectors` [n, width] by vectors @ `basis`, in place."""

        def rotated(block: Floats) -> None:
            buffer = self._buffers.get()
            block[:] = np.matmul(block, basis, out=buffer[: len(block)])
            self._buffers.put(buffer)

        self._every(rotated, _blocks(vectors))

    def solve(self, seen: Seen, vectors: Floats, bias: Floats, system: System, steps: int) -> None:
        """Move `vectors` [n, width] and `bias` [n] to what fits `seen`, in place: `als_kernel.solve_rows`."""

        def solved(bounds: tuple[Any, Any]) -> None:
            solve_rows(self._lanes, *bounds, seen.rows, vectors, bias, system, steps)

        self._every(solved, zip(seen.bounds[:-1], seen.bounds[1:], strict=True))

    def _every(self, work: Callable[[Any], None], parts: Iterable[Any]) -> None:
        for _ in self._pool.map(work, parts):
            pass


def _blocks(vectors: Floats) -> list[Floats]:
    return [vectors[at : at + BLOCK] for at in range(0, len(vectors), BLOCK)]
