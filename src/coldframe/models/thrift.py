"""What a training leaves out so that it ends in time: experts, later requests, forms of the mixer.

Experts are tried on a sample of the users first; those whose time, in proportion, does not fit are never begun. What
they really took on the earlier part says what they will take on all of it. Then requests are halved until asking them
fits, and a form of the mixer is begun only while several times as much is left as the slowest one took. Owns these
rules. Without a budget nothing is tried and nothing left out.
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
from coldframe.models.questions import restricted
from coldframe.models.workshop import Report, Workshop, quiet
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
SAMPLE = 16
"""One user in so many is in the sample."""
EXPERTS_SHARE = 0.6
"""What experts may take of the budget that is left when they begin; the rest is for asking them, mixing and writing."""
SAFETY = 1.2
"""Experts take this much longer than in proportion to their events."""
FEWEST_REQUESTS = 50
"""Later requests that are asked at least."""
TRIED_REQUESTS = 20
"""Requests that are asked first, to know what one takes."""
ASKING_SHARE = 0.4
"""What asking may take of the budget that is left after the experts; the mixer takes about as long, or longer."""
FORMS_AHEAD = 5
"""A form is begun while there is time for so many of the slowest: itself, up to three for good, and the comparison."""
Seconds = dict[str, float]


class Thrift:
    """What may still be begun within a budget."""

    def __init__(self, budget: Budget, settings: Settings, report: Report = quiet) -> None:
        self._budget, self._settings, self._report = budget, settings, report

    def experts(self, early: TrainingSet, n_events: int) -> Settings:
        """Return the settings with the experts that fit in, to be fitted on `early` and on all of `n_events` again."""
        if not self._budget.limited:
            return self._settings
        sample = restricted(early, early.interactions.user % SAMPLE == 0, early.as_of)
        if not len(sample.interactions):
            return self._settings
        _, took = self.fitted(Workshop(sample, self._settings, self._report))
        times = SAFETY * (len(early.interactions) + n_events) / len(sample.interactions)
        predicted = {name: seconds * times for name, seconds in took.items()}
        return self._affordable(predicted, EXPERTS_SHARE * self._budget.left, self._settings)

    def again(self, took: Seconds, settings: Settings, growth: float) -> Settings:
        """Return the settings with the experts that still fit in: each `took` so long on 1 ÷ `growth` of the events."""
        if not self._budget.limited:
            return settings
        predicted = {name: SAFETY * growth * seconds for name, seconds in took.items()}
        return self._affordable(predicted, EXPERTS_SHARE * self._budget.left, settings)

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
        allowed, began = ASKING_SHARE * self._budget.left, self._budget.stopwatch()
        ask(min(n, TRIED_REQUESTS))
        each = (self._budget.stopwatch() - began) / min(n, TRIED_REQUESTS)
        kept = n
        while kept * each > allowed and kept // 2 >= FEWEST_REQUESTS:
            kept //= 2
        if kept * each > self._budget.left:
            raise self._budget.too_small(f"there is no time to ask {kept} later requests")
        if kept < n:
            self._budget.leave_out("later requests", f"{kept} of {n}: more would not have fitted in")
        return kept

    def _affordable(self, predicted: Mapping[str, float], allowed: float, settings: Settings) -> Settings:
        kept: list[str] = []
        wanted = settings.mixer.experts or list(EXPERTS)
        for group in USEFUL:
            members = [name for name in group if name in wanted]
            cost = sum(predicted.get(name, 0.0) for name in members)
            if cost <= allowed:
                kept += members
                allowed -= cost
                continue
            for name in members:
                self._budget.leave_out(name, "it would not have fitted in")
        if "popular-ever" not in kept:
            raise self._budget.too_small("there is no time for popularity, without which nobody is answered")
        return replace(settings, mixer=replace(settings.mixer, experts=[name for name in EXPERTS if name in kept]))


def spread(n: int, kept: int) -> NDArray[np.int64]:
    """Return `kept` of n places, spread evenly, ascending.

    >>> spread(9, 3).tolist(), spread(3, 3).tolist(), spread(0, 0).tolist()
    ([0, 4, 8], [0, 1, 2], [])
    """
    return np.arange(n) if kept >= n else np.unique(np.linspace(0, n - 1, kept).astype(np.int64))


class FormsInTime:
    """Which forms of the mixer are begun: those that can be fitted, compared, and fitted again for good."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._slowest = 0.0

    def may_begin(self, name: str) -> bool:
        """Return whether a form may be begun; one that may not is left out."""
        if self._budget.left > FORMS_AHEAD * self._slowest:
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
