"""One line about work that has no end, and messages beside it, on stderr.

Owns when it is written: drawn again in place on a terminal, else now and then. Never computes what it says.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from coldframe.cli.output import printable, say

SECONDS = 30.0
"""How often the line is written where stderr is a file."""


class Status(Protocol):
    """What `status_line` yields."""

    def show(self, text: str) -> None:
        """Say how it goes; the next text takes its place."""
        ...

    def tell(self, message: str) -> None:
        """Say something that stays."""
        ...


@contextmanager
def status_line(*, quiet: bool = False, monotonic: Callable[[], float] = time.monotonic) -> Generator[Status]:
    """Yield a line for as long as the work takes; `quiet` keeps everything away: with --json a script reads stderr."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _Lines(quiet, monotonic)
        return
    with console.status("") as drawn:

        class Drawn:
            def show(self, text: str) -> None:
                drawn.update(Text(printable(text)))

            def tell(self, message: str) -> None:
                console.print(Text(printable(message)))

        yield Drawn()


class _Lines:
    """The line where stderr is a file."""

    def __init__(self, quiet: bool, monotonic: Callable[[], float]) -> None:
        self._quiet, self._monotonic = quiet, monotonic
        self._next = monotonic() + SECONDS

    def show(self, text: str) -> None:
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + SECONDS
            self.tell(text)

    def tell(self, message: str) -> None:
        if not self._quiet:
            say(message)
