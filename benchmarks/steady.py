"""A load that does not wait for answers: so many requests a second at fixed moments, on connections that are kept.

Owns when a request is due and what is noted of it. What is asked, and what is right, is the caller's.
"""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import numpy as np
from load import Client


class Asked(NamedTuple):
    """One request: when it was due, how many ms from then on its answer took, and what was wrong with it, or ""."""

    due: float
    ms: float
    fault: str


class Span(NamedTuple):
    """From when to when, in seconds of `perf_counter`."""

    start: float
    end: float


@dataclass
class Steady:
    """Clients of one server. `ask` sends a request by its number and says what is wrong with the answer, or "".

    A moment that is missed is made up for at once, and its wait counts. What raises is a fault that begins with
    "failed", and a new connection goes on.
    """

    port: int
    rate: float
    ask: Callable[[Client, int], str]
    connections: int = 6
    asked: list[Asked] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask as long as the context lasts."""
        stop, start = threading.Event(), perf_counter() + 0.1
        threads = [threading.Thread(target=self._go_on, args=(lane, start, stop)) for lane in range(self.connections)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _go_on(self, lane: int, start: float, stop: threading.Event) -> None:
        number = lane
        with closing(Client(self.port)) as client:
            while not stop.wait(max(0.0, (due := start + number / self.rate) - perf_counter())):
                try:
                    fault = self.ask(client, number)
                except (OSError, RuntimeError, http.client.HTTPException) as error:
                    client.close()
                    fault = f"failed: {error!r}"
                self.asked.append(Asked(due, (perf_counter() - due) * 1e3, fault))
                number += self.connections

    def during(self, spans: list[Span]) -> np.ndarray:
        """Return the milliseconds of the requests that were due within some spans."""
        asked = self.asked[:]  # which grows while it is looked at
        due, ms = (np.array([getattr(one, name) for one in asked]) for name in ("due", "ms"))
        return ms[np.logical_or.reduce([(span.start <= due) & (due < span.end) for span in spans])]
