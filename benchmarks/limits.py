"""What this machine's memory can do: reading a stream, and reading rows at random places, on as many threads as asked.

Owns two small kernels and their times. What a training epoch reads is counted in `training.py`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numba
import numpy as np

STREAM_ROWS = 1 << 20
GATHERS = 1 << 21


@numba.njit(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _read(rows: Any, places: Any) -> Any:
    """Return the sum of the rows at `places`, so that each of their cache lines is read; four on their way together."""
    total = np.zeros(rows.shape[1], np.float32)
    for k in range(0, len(places) - 3, 4):
        i, j, m, o = places[k], places[k + 1], places[k + 2], places[k + 3]
        for a in range(rows.shape[1]):
            total[a] += rows[i, a] + rows[j, a] + rows[m, a] + rows[o, a]
    return total


def stream(width: int, threads: int) -> float:
    """Return bytes a second of reading float32 [2²⁰, width] from front to back; the best of five."""
    rows = np.ones((STREAM_ROWS, width), np.float32)
    return _rate(rows, np.arange(STREAM_ROWS), threads)


def gather(n: int, width: int, threads: int) -> float:
    """Return bytes a second of reading rows of float32 [n, width] at 2²¹ random places; the best of five."""
    return _rate(np.ones((n, width), np.float32), np.random.default_rng(1).integers(0, n, GATHERS), threads)


def _rate(rows: Any, places: Any, threads: int) -> float:
    parts = np.array_split(places.astype(np.int32), threads)
    _read(rows, parts[0][:4])
    with ThreadPoolExecutor(threads) as pool:
        seconds = min(_seconds(lambda: list(pool.map(lambda part: _read(rows, part), parts))) for _ in range(5))
    return rows.shape[1] * 4 * len(places) / seconds


def _seconds(work: Callable[[], Any]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
