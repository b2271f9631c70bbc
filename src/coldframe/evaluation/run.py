"""A whole evaluation in named steps: split, training set, models, questions, report.

Owns the order and who gets which rows: fitting sees the training set and the validation questions, never a test row.
What builds and what fits is handed in, so that this room trains nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Protocol

import polars as pl

from coldframe.dataset.training_set import TrainingSet
from coldframe.domain import Item, User
from coldframe.errors import DataError
from coldframe.evaluation.baselines import fit_baselines
from coldframe.evaluation.evaluate import EvaluationReport, measured
from coldframe.evaluation.lists import Ranking, rank_everything
from coldframe.evaluation.plan import OVERALL, Cases, Plan, Sampling, Split, Weigh
from coldframe.scoring.request import Scorer
from coldframe.settings import Settings
from coldframe.store.protocol import Progress


class BuildTrainingSet(Protocol):
    """Events, items and users → arrays; `dataset.build.build_training_set`."""

    def __call__(
        self,
        events: pl.DataFrame,
        items: Sequence[Item],
        users: Sequence[User],
        settings: Settings,
        *,
        as_of: datetime | None = None,
        window_days: int | None = None,
    ) -> TrainingSet:
        """Return the training set of the events before `as_of`, of the last `window_days` (None: all of them)."""
        ...


POPULAR = "popular"
"""The baseline that fills what a model cannot score."""

FitModels = Callable[[TrainingSet, Cases, Sequence[str]], Mapping[str, Scorer]]
"""(training set, validation questions, names) → a scorer per name, without those that the data cannot teach. Without
validation questions the models hold out a part of the training set themselves."""


@dataclass(frozen=True)
class Trainer:
    """How this project turns events into models."""

    build: BuildTrainingSet
    weigh: Weigh
    fit: FitModels


def run(
    split: Split,
    names: Sequence[str],
    trainer: Trainer,
    settings: Settings,
    *,
    ks: Sequence[int] = (10, 20),
    window_days: int | None = None,
    max_requests: int | None = None,
    progress: Progress | None = None,
    stopwatch: Callable[[], float] = perf_counter,
) -> EvaluationReport:
    """Return the comparison of the named models on a split; the first name is the reference.

    A split that goes on (`Split.later`) is trained on again for each of its parts, and measured as one.
    `popular`, `recent-popular` and `random` are fitted here, every other name by the trainer; popularity also fills
    what a model cannot score. `max_requests` asks a seeded sample of the questions. What the trainer leaves out for
    want of data is in `left_out`. Raises `DataError` when that is
    all there was or nothing is asked, and whatever the trainer raises.
    """
    stages = _Stages(names, trainer, settings, ks, window_days, max_requests, progress, stopwatch)
    parts = [part for one in (split, *split.later) if (part := stages.of(one))]
    if not parts:
        raise DataError(
            "The split leaves no request to test on.", remedy="Check the test rows, their weights and the split."
        )
    ranking = Ranking.joined([part.ranking for part in parts])
    kept = [name for name in names if name in ranking.views[OVERALL].ranked]
    if not kept:
        raise DataError("No model could be taught in every training.", remedy="Name other models, or train less often.")
    report = measured(parts[0].plan, ranking, kept[0], POPULAR, ks=ks, seed=settings.training.seed, stopwatch=stopwatch)
    spent = {step: round(sum(part.seconds[step] for part in parts), 3) for step in ("preparing", "fitting")}
    facts = dict(report.facts) | ({"trainings": float(len(parts))} if split.later else {})
    left_out = tuple(name for name in names if name not in kept)
    return replace(report, seconds=spent | dict(report.seconds), facts=facts, left_out=left_out)


@dataclass(frozen=True)
class _Part:
    """One training and what came of asking it."""

    plan: Plan
    ranking: Ranking
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class _Stages:
    """What every training of a run has in common; the arguments of `run`."""

    names: Sequence[str]
    trainer: Trainer
    settings: Settings
    ks: Sequence[int]
    window_days: int | None
    max_requests: int | None
    progress: Progress | None
    stopwatch: Callable[[], float]

    def of(self, split: Split) -> _Part | None:
        """Return one training of a split and the lists of its questions; none where nothing is asked."""
        started, settings = self.stopwatch(), self.settings
        training_set = self.trainer.build(
            split.train, split.items, split.users, settings, as_of=split.as_of, window_days=self.window_days
        )
        plan = split.plan(training_set, self.trainer.weigh, Sampling(self.max_requests, settings.training.seed))
        if not len(plan.cases):
            return None
        planned = self.stopwatch()
        baselines = fit_baselines(training_set, recent_days=settings.popularity.recent_days)
        asked = [name for name in self.names if name not in baselines]
        fitted = baselines | dict(self.trainer.fit(training_set, plan.validation, asked) if asked else {})
        taught = {name: fitted[name] for name in self.names if name in fitted}
        if not taught:
            raise DataError(
                f"The data has nothing to teach {', '.join(self.names)}.",
                remedy="Add items with content, or name other models.",
            )
        ready = self.stopwatch()
        ranking = rank_everything(
            plan,
            taught,
            ks=self.ks,
            seed=settings.training.seed,
            fallback=baselines[POPULAR],
            threads=settings.training.threads,
            progress=self.progress,
            stopwatch=self.stopwatch,
        )
        return _Part(plan, ranking, {"preparing": planned - started, "fitting": ready - planned})
