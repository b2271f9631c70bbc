"""What a training waits for compilers: told while it happens, summed when it is over.

Owns the ears at Numba and JAX. Never compiles anything, and never decides where compiled code is kept.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from time import perf_counter
from typing import Any

from jax import monitoring
from numba.core import event as numba_events

STEP = "compile"
BY_JAX = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
"""What JAX does for a program: the last one is short where the program was kept."""
NOTICED_SECONDS = 0.05
"""From here on JAX was compiling, not looking up."""


class Wait:
    """Seconds that compilers took so far, those of several threads added up."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell, self._lock = tell, Lock()
        self._depth, self._began = 0, 0.0
        self.seconds = 0.0

    def by_jax(self, name: str, seconds: float) -> None:
        """Take what JAX says of a step that is over."""
        if name not in BY_JAX:
            return
        with self._lock:
            self.seconds += seconds
        if seconds >= NOTICED_SECONDS:
            self._tell()

    def by_numba(self, is_start: bool) -> None:
        """Take that Numba began or ended a function, which may be within another one."""
        with self._lock:
            if is_start and not self._depth:
                self._began = perf_counter()
            self._depth += 1 if is_start else -1
            if not self._depth:
                self.seconds += perf_counter() - self._began
        if is_start:
            self._tell()


@contextmanager
def compiling(tell: Callable[[], None]) -> Generator[Wait]:
    """Yield the seconds spent on compiling inside; `tell` is called when there is some, more than once."""
    wait = Wait(tell)
    waiting, ears = _waiting(), _Ear(wait)
    waiting.append(wait)
    try:
        with numba_events.install_listener("numba:compile", ears):
            yield wait
    finally:
        waiting.remove(wait)


class _Ear(numba_events.Listener):
    """Numba's news of one wait."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait

    def on_start(self, event: Any) -> None:
        del event
        self._wait.by_numba(is_start=True)

    def on_end(self, event: Any) -> None:
        del event
        self._wait.by_numba(is_start=False)


@cache
def _waiting() -> list[Wait]:
    """Return who waits: JAX is listened to from the first call on, since older ones cannot be told to stop."""
    waiting: list[Wait] = []

    def heard(event: str, duration_secs: float, **_: str | int) -> None:
        for wait in [*waiting]:
            wait.by_jax(event, duration_secs)

    monitoring.register_event_duration_secs_listener(heard)
    return waiting
