"""What a training leaves out so that it ends in time: experts, later requests, forms of the mixer.

What each step takes is foreseen (`foresight`) before the first expert is begun, and what comes last is kept back first:
asking the least, choosing, writing. Experts that do not fit in are made smaller where they can be, else left out, the
least useful first; what they really took on the earlier part says what they will take on all of it. Then requests are
halved until asking them and learning from them fits, and a form of the mixer is begun only while several times as much
is left as the slowest one took. Owns these rules. Without a budget nothing is foreseen and nothing left out.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import TrainingSet
from coldframe.models.budget import Budget
from coldframe.models.compiled import compiling
from coldframe.models.fits import EXPERTS, fit_experts
from coldframe.models.foresight import (
    COMPILERS,
    PER_LESSON,
    Size,
    asking_seconds,
    expert_seconds,
    finishing_seconds,
)
from coldframe.models.workshop import Report, Workshop
from coldframe.scoring.request import Expert
from coldframe.settings import Settings

USEFUL: tuple[tuple[str, ...], ...] = (
    ("popular-ever", "popular-month", "popular-week", "popular-alike", "trending"),
    ("attributes",),
    ("repeat",),
    ("item-item", "recent", "smoothed"),
    ("transitions",),
    ("regressed",),
    ("collaborative", "bayes"),
    ("spectral",),
    ("content",),
    ("walk",),
    ("stacked",),
    ("svd",),
)
"""Experts that share their work, the most useful first: who answers for the unknown, then about by how well each does
alone (benchmarks/results). All of a group are left out together.
"""
SAFETY = 1.2
"""Steps take this much longer than foreseen."""
LEAST_RANK = 64
"""Directions that the filter keeps at least where it is made smaller."""
FEWEST_REQUESTS = 50
"""Later requests that are asked at least."""
TRIED_REQUESTS = 20
"""Requests that are asked first, to know what one takes."""
FORMS_AHEAD = 5
"""A form is begun while there is time for so many of the slowest: itself, up to three for good, and the comparison."""
KEPT_BACK = 0.5
"""Of what is left when experts begin, what is kept back at most for compilers and for what follows."""
Seconds = dict[str, float]


class Thrift:
    """What may still be begun within a budget; what was left out once stays out."""

    def __init__(self, budget: Budget, settings: Settings, training_set: TrainingSet) -> None:
        self._budget, self._settings = budget, settings
        self._size = Size.of(training_set)

    def experts(self, early: TrainingSet) -> Settings:
        """Return the settings with the experts that fit in, to be fitted on `early` and on everything again."""
        if self._budget.limited:
            parts, allowed = (Size.of(early), self._size), self._for_experts(COMPILERS)
            self._make_filter_smaller(parts, allowed)
            self._keep_affordable(self._foreseen(parts), allowed)
        return self._settings

    def again(self, took: Seconds, growth: float) -> Settings:
        """Return the settings with the experts that still fit in: each `took` so long on 1 ÷ `growth` of the events."""
        if self._budget.limited:
            predicted = {name: SAFETY * growth * seconds for name, seconds in took.items()}
            self._keep_affordable(predicted, self._for_experts(0.0))
        return self._settings

    def fitted(self, workshop: Workshop) -> tuple[tuple[Expert, ...], Seconds]:
        """Return a workshop's experts and the seconds that each took, without those of compilers."""
        took: Seconds = {}
        with compiling(lambda: None) as wait:
            last, compiled = self._budget.stopwatch(), 0.0

            def lap(name: str) -> None:
                nonlocal last, compiled
                now = self._budget.stopwatch()
                took[name] = max(0.0, now - last - (wait.seconds - compiled))
                last, compiled = now, wait.seconds

            experts = fit_experts(workshop, lap=lap)
        return experts, took

    def requests(self, n: int, ask: Callable[[int], object]) -> int:
        """Return how many of `n` later requests are asked, given `ask`, which asks so many to see what they take.

        Raises `BudgetError` when there is no time for the least that a mixer can be judged by.
        """
        if not self._budget.limited or n <= FEWEST_REQUESTS:
            return n
        began = self._budget.stopwatch()
        ask(min(n, TRIED_REQUESTS))
        each = (self._budget.stopwatch() - began) / min(n, TRIED_REQUESTS)
        left = self._budget.left
        kept = n
        while kept * (each + self._slowed(PER_LESSON)) > left - self._last_steps() and kept // 2 >= FEWEST_REQUESTS:
            kept //= 2
        if kept * each > left:
            raise self._budget.too_small(f"there is no time to ask {kept} later requests")
        if kept < n:
            self._budget.leave_out("later requests", f"{kept} of {n}: more would not have fitted in")
        return kept

    def forms(self) -> "FormsInTime":
        """Return which forms of the mixer may be begun."""
        return FormsInTime(self._budget, self._last_steps())

    def _last_steps(self) -> float:
        """Return the seconds that follow the choice of a form."""
        return self._slowed(finishing_seconds(self._size, self._settings, wanted(self._settings)))

    def _slowed(self, seconds: float) -> float:
        return SAFETY * self._budget.machine.pace * seconds

    def _foreseen(self, parts: Sequence[Size]) -> Seconds:
        each = [expert_seconds(size, self._settings, self._budget.machine.cores) for size in parts]
        return {name: self._slowed(sum(one.get(name, 0.0) for one in each)) for name in wanted(self._settings)}

    def _for_experts(self, compilers: float) -> float:
        """Return what experts may take: all but what compilers and all requests take, or half where that is more."""
        n, names = self._settings.mixer.max_requests, wanted(self._settings)
        others = self._slowed(compilers + asking_seconds(self._size, names, n) + PER_LESSON * n)
        left = self._budget.left
        return left - min(others + self._last_steps(), KEPT_BACK * left)

    def _make_filter_smaller(self, parts: Sequence[Size], allowed: float) -> None:
        """Halve the directions of the filter, and again, while experts do not fit in."""
        filtering = self._settings.spectral
        if "spectral" not in wanted(self._settings) or self._size.n_warm <= filtering.dense_items:
            return
        rank = filtering.rank
        while sum(self._foreseen(parts).values()) > allowed and rank >= 2 * LEAST_RANK:
            rank //= 2
            self._settings = replace(self._settings, spectral=replace(filtering, rank=rank))
        if rank < filtering.rank:
            why = f"{rank} of {filtering.rank}: more would not have fitted in"
            self._budget.leave_out("directions of spectral", why)

    def _keep_affordable(self, predicted: Mapping[str, float], allowed: float) -> None:
        kept: list[str] = []
        names = wanted(self._settings)
        for group in USEFUL:
            members = [name for name in group if name in names]
            cost = sum(predicted.get(name, 0.0) for name in members)
            if cost <= allowed:
                kept += members
                allowed -= cost
                continue
            for name in members:
                self._budget.leave_out(name, "it would not have fitted in")
        if "popular-ever" not in kept:
            raise self._budget.too_small("there is no time for popularity, without which nobody is answered")
        mixer = replace(self._settings.mixer, experts=[name for name in EXPERTS if name in kept])
        self._settings = replace(self._settings, mixer=mixer)


def wanted(settings: Settings) -> list[str]:
    """Return the names of the experts that the settings ask for."""
    return settings.mixer.experts or list(EXPERTS)


def spread(n: int, kept: int) -> NDArray[np.int64]:
    """Return `kept` of n places, spread evenly, ascending.

    >>> spread(9, 3).tolist(), spread(3, 3).tolist(), spread(0, 0).tolist()
    ([0, 4, 8], [0, 1, 2], [])
    """
    return np.arange(n) if kept >= n else np.unique(np.linspace(0, n - 1, kept).astype(np.int64))


class FormsInTime:
    """Which forms of the mixer are begun: those that can be fitted, compared, and fitted again for good."""

    def __init__(self, budget: Budget, last_steps: float = 0.0) -> None:
        """Take what is left of the budget when `last_steps`, the seconds that follow, are kept back."""
        self._budget, self._last_steps = budget, last_steps
        self._slowest = 0.0

    def may_begin(self, name: str) -> bool:
        """Return whether a form may be begun; one that may not is left out."""
        if self._budget.left - self._last_steps > FORMS_AHEAD * self._slowest:
            return True
        self._budget.leave_out(f"mixer form {name}", "it would not have fitted in")
        return False

    def whole(self, name: str, missing: Sequence[str]) -> bool:
        """Return whether a form made of others has all of them; one that lacks some is left out."""
        if missing:
            self._budget.leave_out(f"mixer form {name}", f"it is made of {', '.join(missing)}")
        return not missing

    def order(self, names: Sequence[str], first: Sequence[str]) -> list[str]:
        """Return the forms as they come, those of `first` before the others where there is an end."""
        return sorted(names, key=lambda name: name not in first) if self._budget.limited else list(names)

    @contextmanager
    def timed(self) -> Generator[None]:
        """Take what a form takes inside."""
        began = self._budget.stopwatch()
        yield
        self._slowest = max(self._slowest, self._budget.stopwatch() - began)


def watched(budget: Budget, report: Report) -> Report:
    """Return a report that ends the training when its budget is spent."""

    def checked(step: str, done: int, total: int) -> None:
        budget.check(step)
        report(step, done, total)

    return checked if budget.limited else report
