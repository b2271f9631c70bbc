"""A training's time budget: how much of it is left, and what was left out to keep to it.

Owns the stopwatch and the list. Never fits anything, and never decides what is left out: that is `thrift`.
"""

from collections.abc import Callable
from math import inf
from time import perf_counter
from typing import NamedTuple

from coldframe.errors import BudgetError
from coldframe.models.foresight import Machine

Stopwatch = Callable[[], float]
"""Returns seconds that only grow."""
REMEDY = "Give it more (--time-budget, training.time_budget_minutes), or let it learn less: mixer.experts, window.days."

ANY = Machine()


class LeftOut(NamedTuple):
    """A part of a training that was not done, and why; no seconds, so that equal trainings have equal bytes."""

    what: str
    why: str


class Budget:
    """Seconds that a training may take, of which some are `spent` already; without an end by default.

    `machine` says how fast what is foreseen will be done.

    >>> budget = Budget(60, stopwatch=iter([0.0, 45.0]).__next__)
    >>> budget.left
    15.0
    """

    def __init__(
        self, seconds: float = inf, *, spent: float = 0.0, machine: Machine = ANY, stopwatch: Stopwatch = perf_counter
    ) -> None:
        self.seconds, self.machine, self.stopwatch = seconds, machine, stopwatch
        self._end = stopwatch() + seconds - spent
        self.left_out: list[LeftOut] = []

    @property
    def limited(self) -> bool:
        """True when there is an end."""
        return self.seconds < inf

    @property
    def left(self) -> float:
        """Seconds that are left; below 0 when it is spent."""
        return self._end - self.stopwatch() if self.limited else inf

    def leave_out(self, what: str, why: str) -> None:
        """Note that something is not done."""
        self.left_out.append(LeftOut(what, why))

    def check(self, step: str) -> None:
        """Raise `BudgetError` when nothing is left."""
        if self.limited and self.left <= 0:
            raise self.too_small(f"it was spent at the step {step!r}")

    def too_small(self, why: str) -> BudgetError:
        """Return the error that ends a training for which its budget is too small."""
        return BudgetError(
            f"The time budget of {self.seconds / 60:g} minutes is too small for this training: {why}. "
            "Nothing was published; what serves goes on serving.",
            remedy=REMEDY,
        )
