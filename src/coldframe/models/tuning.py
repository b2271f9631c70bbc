"""`coldframe tune`: the experts' and the retrieval's settings, searched on the later slice within a time budget.

Each expert is judged alone, by NDCG@10 over the whole catalogue, on questions that come after everything it was fitted
on; one setting is moved at a time, the best value stays. Owns the grid and the order of the search. Test events are
never seen: whoever evaluates afterwards holds them out before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from coldframe.dataset.repeats import repeat_policy
from coldframe.dataset.training_set import TrainingSet
from coldframe.models.fits import EXPERTS
from coldframe.models.later import hold_out
from coldframe.models.questions import Later, Question
from coldframe.models.workshop import Workshop
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import Expert
from coldframe.scoring.threads import one_thread_each
from coldframe.settings import Settings, with_value

K = 10
QUESTIONS = 1_500
GRID: dict[str, dict[str, tuple[Any, ...]]] = {
    "collaborative": {
        "collaborative.alpha": (1.0, 4.0, 10.0, 40.0),
        "collaborative.regularization": (0.001, 0.003, 0.01, 0.03, 0.1),
        "collaborative.factors": (64, 128),
        "collaborative.half_life_days": (0.0, 30.0, 90.0),
    },
    "item-item": {
        "item_item.ridge": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
        "item_item.user_exponent": (0.25, 0.5, 0.75),
        "item_item.half_life_days": (0.0, 30.0, 90.0, 365.0),
    },
    "stacked": {"item_item.content_weight": (0.1, 0.3, 1.0, 2.0, 4.0)},
    "smoothed": {
        "item_item.content_neighbours": (10, 30, 60),
        "item_item.content_power": (1.0, 2.0, 4.0),
        "item_item.content_shrink": (0.05, 0.3, 1.0),
    },
    "regressed": {
        "item_item.regression_neighbours": (50, 100, 200),
        "item_item.regression_ridge": (0.5, 1.5, 4.0),
    },
    "recent": {"item_item.step_decay": (0.3, 0.6, 0.8, 0.9)},
    "spectral": {
        "spectral.exponent": (0.3, 0.35, 0.4, 0.5),
        "spectral.softness": (0.05, 0.1, 0.2, 0.4, 0.8),
        "spectral.half_life_days": (0.0, 30.0, 90.0, 365.0),
    },
    "svd": {"spectral.few": (32, 64, 128, 256)},
    "walk": {
        "walk.start": (0.4, 0.6, 0.8),
        "walk.end": (0.2, 0.4, 0.6),
        "walk.user_exponent": (0.5, 0.7, 1.0),
        "walk.half_life_days": (0.0, 30.0, 90.0, 365.0),
    },
    "transitions": {
        "transitions.step_decay": (0.1, 0.3, 0.6, 0.8),
        "transitions.exponent": (0.3, 0.5, 0.8, 1.0),
        "transitions.backward": (0.2, 0.7, 1.0),
    },
    "repeat": {"repeat.half_life_days": (0.0, 15.0, 30.0, 60.0, 120.0)},
    "attributes": {"content.half_life_days": (0.0, 30.0, 90.0), "content.length_exponent": (0.0, 0.2, 0.4, 0.6)},
}
"""Expert → setting → values tried, in this order."""


class Trial(NamedTuple):
    """One value tried: NDCG@10 of the expert with it, and whether it was the best so far."""

    expert: str
    setting: str
    value: Any
    ndcg: float
    kept: bool


@dataclass(frozen=True)
class Tuned:
    """The settings found and every trial that led there."""

    settings: Settings
    trials: list[Trial]
    seconds: float

    @property
    def evidence(self) -> dict[str, str]:
        """Setting → why its new value stays, in one line."""
        return {
            trial.setting: f"NDCG@10 of {trial.expert} on later events {trial.ndcg:.4f}"
            for trial in self.trials
            if trial.kept and trial.setting
        }

    @property
    def changed(self) -> dict[str, Any]:
        """Setting → its new value, where that differs from the one before."""
        return {trial.setting: trial.value for trial in self.trials if trial.kept and trial.setting}


def tune(
    training_set: TrainingSet,
    settings: Settings,
    *,
    budget_seconds: float,
    progress: Callable[[str, int, int], None],
    questions: Sequence[Question] | None = None,
    stopwatch: Callable[[], float] = perf_counter,
) -> Tuned:
    """Return the best settings found before the budget is spent; the experts take turns in the order of the grid.

    Each expert has an even share of what is left of the budget. With `questions` (a published validation part) experts
    are fitted on everything and judged on at most `QUESTIONS` of those.
    """
    started = stopwatch()
    later = _later(training_set, settings) if questions is None else Later(training_set, _few(questions))
    trials: list[Trial] = []
    times = training_set.interactions.timestamp
    timeless = bool(len(times)) and times.min() == times.max()
    total = sum(len(values) for rules in GRID.values() for values in rules.values())
    for place, (name, rules) in enumerate(GRID.items()):
        spent = stopwatch() - started
        deadline = spent + (budget_seconds - spent) / (len(GRID) - place)
        best = _judged(name, later, settings)
        if best is None:
            continue
        trials.append(Trial(name, "", "as set", best, True))
        for setting, value in _steps(rules, timeless=timeless):
            candidate = with_value(settings, setting, value)
            if candidate == settings:
                continue
            if stopwatch() - started > deadline:
                break
            found = _judged(name, later, candidate) or 0.0
            trials.append(Trial(name, setting, value, found, found > best))
            progress(f"tune {name}", len(trials), total)
            if found > best:
                settings, best = candidate, found
    return Tuned(settings, trials, stopwatch() - started)


def _steps(rules: dict[str, tuple[Any, ...]], *, timeless: bool) -> Iterator[tuple[str, Any]]:
    """Yield (setting, value) in the order in which they are tried; without times nothing decays."""
    for setting, values in rules.items():
        if not (timeless and setting.endswith("half_life_days")):
            yield from ((setting, value) for value in values)


def _later(training_set: TrainingSet, settings: Settings) -> Later:
    return hold_out(
        training_set,
        share=settings.mixer.holdout,
        repeats=repeat_policy(training_set.interactions, settings.recommend.repeat) == "allow",
        max_questions=QUESTIONS,
        seed=settings.training.seed,
    )


def _few(questions: Sequence[Question]) -> list[Question]:
    rows = np.unique(np.linspace(0, len(questions) - 1, min(QUESTIONS, len(questions))).astype(np.int64))
    return [questions[row] for row in rows]


def _judged(name: str, later: Later, settings: Settings) -> float | None:
    """Return the mean NDCG@10 of one expert fitted on the earlier part; None where it has nothing to learn."""
    only = replace(settings, mixer=replace(settings.mixer, experts=[name]))
    expert = EXPERTS[name](Workshop(later.early, only))
    return None if expert is None else mean_ndcg(expert, later.questions)


def mean_ndcg(expert: Expert, questions: Sequence[Question]) -> float:
    """Return the mean NDCG@10 of one expert on questions, ranking everything allowed; silence finds nothing."""
    discount = 1 / np.log2(np.arange(K) + 2)
    total = 0.0
    with one_thread_each():
        for question in questions:
            scores = expert.score(question.request)
            allowed = question.request.allowed
            rows = np.flatnonzero(~np.isnan(scores) if allowed is None else allowed & ~np.isnan(scores))
            top = best_rows(rows, scores, K, key=question.request.now)
            hits = np.isin(top, question.relevant)
            total += float(discount[: len(top)][hits].sum() / discount[: min(K, len(question.relevant))].sum())
    return total / max(len(questions), 1)
