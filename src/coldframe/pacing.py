"""Long work beside answers: done in short stretches, with pauses between them.

What opens a bundle reads every byte of it and so displaces what requests have in the processor's caches, and holds the
interpreter in turns with them. In a stretch of a millisecond a request waits a millisecond at most. Work says where it
can pause (`rest`, `rested`); whoever starts it says how much of the time it may take (`at_most`), and without that
nothing pauses. Owns the pauses, never the work.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter, sleep
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
STRETCH_SECONDS = 0.001
"""Shorter work goes on: a pause costs two changes of thread."""


class _Pace:
    """How much of the time work may take, and since when it has not paused."""

    def __init__(self, share: float) -> None:
        self._pause_per_second = 1 / share - 1
        self._began = perf_counter()

    def rest(self) -> None:
        worked = perf_counter() - self._began
        if worked >= STRETCH_SECONDS:
            sleep(worked * self._pause_per_second)
            self._began = perf_counter()


_pace: ContextVar[_Pace | None] = ContextVar("pace", default=None)


@contextmanager
def at_most(share: float) -> Generator[None]:
    """Let this thread's work inside take at most this share of the time, 0 < share ≤ 1, wherever it can rest."""
    token = _pace.set(_Pace(share))
    try:
        yield
    finally:
        _pace.reset(token)


def rest() -> None:
    """Pause for as long as the pace asks; do nothing where there is none."""
    if (pace := _pace.get()) is not None:
        pace.rest()


def rested(values: Iterable[T], every: int) -> Iterator[T]:
    """Yield values, resting before the first of every so many.

    >>> list(rested("abc", 2))
    ['a', 'b', 'c']
    """
    for number, value in enumerate(values):
        if number % every == 0:
            rest()
        yield value


def in_parallel(work: Callable[[S], T], values: Iterable[S], threads: int) -> list[T]:
    """Return the work's results in order. One thread is this one, with its pace; several have none."""
    if threads == 1:
        return [work(value) for value in rested(values, 1)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, values))
