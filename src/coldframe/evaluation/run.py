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
from coldframe.evaluation.evaluate import EvaluationReport, evaluate
from coldframe.evaluation.plan import Cases, Sampling, Split, Weigh
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

    `popular`, `recent-popular` and `random` are fitted here, every other name by the trainer; popularity also fills
    what a model cannot score. `max_requests` asks a seeded sample of the questions. What the trainer leaves out for
    want of data is in `left_out`. Raises `DataError` when that is all there was, and whatever the trainer raises.
    """
    started = stopwatch()
    training_set = trainer.build(
        split.train, split.items, split.users, settings, as_of=split.as_of, window_days=window_days
    )
    plan = split.plan(training_set, trainer.weigh, Sampling(max_requests, settings.training.seed))
    planned = stopwatch()
    baselines = fit_baselines(training_set, recent_days=settings.popularity.recent_days)
    asked = [name for name in names if name not in baselines]
    fitted = baselines | dict(trainer.fit(training_set, plan.validation, asked) if asked else {})
    taught = {name: fitted[name] for name in names if name in fitted}
    if not taught:
        raise DataError(
            f"The data has nothing to teach {', '.join(names)}.", remedy="Add items with content, or name other models."
        )
    ready = stopwatch()
    report = evaluate(
        plan,
        taught,
        ks=ks,
        seed=settings.training.seed,
        fallback=baselines["popular"],
        threads=settings.training.threads,
        progress=progress,
        stopwatch=stopwatch,
    )
    spent = {"preparing": round(planned - started, 3), "fitting": round(ready - planned, 3)}
    left_out = tuple(name for name in names if name not in taught)
    return replace(report, seconds=spent | dict(report.seconds), left_out=left_out)
