"""Events to a bundle, in named steps: read this first.

    read     the window's events, the catalogue and the users, as one training set: dense rows, weights, features
    models   the experts on the earlier part, the mixer on the later part, the experts again on all of it
    bundle   arrays and a manifest with hashes, beside the ones that are there

Owns the order, the stopwatch and what the manifest says of a training. Promoting is the caller's decision.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
import polars as pl

from coldframe.bundle.registry import Registry
from coldframe.clock import Clock
from coldframe.dataset.build import build_training_set
from coldframe.dataset.training_set import TrainingSet
from coldframe.dataset.weights import event_weights
from coldframe.errors import DataError
from coldframe.evaluation.plan import Case, Cases
from coldframe.evaluation.run import Trainer
from coldframe.models import Trained, fit_models, train_hybrid
from coldframe.models.budget import Budget
from coldframe.models.compiled import STEP as COMPILE
from coldframe.models.compiled import compiling
from coldframe.models.foresight import Machine
from coldframe.models.questions import Question
from coldframe.models.recommender import served
from coldframe.models.tuning import Tuned
from coldframe.models.tuning import tune as search
from coldframe.scoring.packing import NULLABLE, pack
from coldframe.scoring.request import Scorer
from coldframe.settings import Settings, as_dict
from coldframe.store.protocol import Store

Report = Callable[[str, int, int], None]
"""Called with (step, done, in all)."""


class TrainingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a training made: the bundle's id, how much and how new it saw, how good it was, what there was no time for,
    seconds per step.

    `seconds["compile"]` is the part of the others in which code was compiled, of several threads added up.
    """

    bundle: str
    counts: dict[str, int]
    newest_event: datetime
    metrics: dict[str, float]
    serves: str
    reason: str
    left_out: list[str]
    seconds: dict[str, float]


def train(
    store: Store,
    registry: Registry,
    settings: Settings,
    *,
    as_of: datetime | None = None,
    window_days: int | None = None,
    clock: Clock,
    progress: Report,
    spent: float = 0.0,
) -> TrainingResult:
    """Train on the store's events and publish one bundle, not yet promoted.

    With `training.time_budget_minutes`, of which `spent` seconds are gone already, it leaves out what would not fit in,
    and says so in the manifest; the bytes are the same again where the same things are left out. Raises `BudgetError`
    when too little fits in.

    The window is the last `window_days` (default: `window.days`) before `as_of` (default: just after the newest event).
    Live events of days that have ended are sealed first, so that the scan reads segments. Raises `DataError` where
    there is nothing to learn from, `BundleError` or `StoreError` when the disk refuses.
    """
    minutes = settings.training.time_budget_minutes
    watch = _Stopwatch()
    machine = Machine.probed(settings.training.threads) if minutes else Machine()
    budget = Budget(60 * minutes or inf, spent=spent, machine=machine)
    with compiling(lambda: progress(COMPILE, 0, 1)) as wait:
        result = _train(store, registry, settings, as_of, window_days, clock, progress, watch, budget)
    if wait.seconds:
        progress(COMPILE, 1, 1)
    return msgspec.structs.replace(result, seconds=watch.laps | {COMPILE: round(wait.seconds, 3)})


def _train(
    store: Store,
    registry: Registry,
    settings: Settings,
    as_of: datetime | None,
    window_days: int | None,
    clock: Clock,
    progress: Report,
    watch: "_Stopwatch",
    budget: Budget,
) -> TrainingResult:
    progress("read", 0, 3)
    store.seal(before=clock())
    days = settings.window.days if window_days is None else window_days
    catalogue = store.catalogue_version()
    training_set = read(store, settings, as_of=as_of, window_days=days)
    watch.lap("read")
    progress("models", 1, 3)
    trained = train_hybrid(training_set, settings, report=progress, budget=budget)
    watch.lap("models")
    budget.check("bundle")
    progress("bundle", 2, 3)
    arrays, meta = pack(served(training_set, trained))
    meta |= described(training_set, trained, settings, days) | {"catalogue": catalogue}
    bundle = registry.publish(arrays, meta, created_at=clock(), nullable=NULLABLE)
    watch.lap("bundle")
    progress("bundle", 3, 3)
    return TrainingResult(
        bundle=bundle,
        counts=counted(training_set),
        newest_event=_moment(int(training_set.interactions.timestamp.max())),
        metrics=meta["metrics"],
        serves=trained.selection.name,
        reason=trained.selection.reason,
        left_out=[one.what for one in trained.left_out],
        seconds=watch.laps,
    )


def tune(
    store: Store,
    settings: Settings,
    *,
    budget_seconds: float,
    as_of: datetime | None = None,
    window_days: int | None = None,
    progress: Report,
) -> Tuned:
    """Search better settings on the window's later events; nothing is published. Raises `DataError` as `train` does."""
    progress("read", 0, 1)
    days = settings.window.days if window_days is None else window_days
    training_set = read(store, settings, as_of=as_of, window_days=days)
    return search(training_set, settings, budget_seconds=budget_seconds, progress=progress)


def read(store: Store, settings: Settings, *, as_of: datetime | None, window_days: int) -> TrainingSet:
    """Return the training set of a store's last `window_days` before `as_of`, or before the end of its events."""
    end = as_of or _end(store)
    events = store.scan_events(end=end).collect()
    return build_training_set(
        events, list(store.items()), list(store.users()), settings, as_of=end, window_days=window_days
    )


def asked(cases: Iterable[Case]) -> list[Question]:
    """Return an evaluation's questions as a mixer learns from them, the users numbered as they come."""
    numbers: dict[str, int] = {}
    return [Question(case.request, case.relevant, numbers.setdefault(case.user_id, len(numbers))) for case in cases]


def trainer(settings: Settings) -> Trainer:
    """Return how this project turns events into models, for `evaluation.run`."""

    def weigh(events: pl.DataFrame) -> Any:
        return event_weights(events, settings)

    def fit(training_set: TrainingSet, validation: Cases, names: Sequence[str]) -> dict[str, Scorer]:
        questions = asked(validation) if len(validation) else None
        return fit_models(training_set, questions, names, settings)

    return Trainer(build_training_set, weigh, fit)


_NOT_OF_THE_MODEL = {"schedule", "kafka", "serving", "store"}
"""Sections that change nothing of what a training learns: when it happens, where events lie, who may ask. They may hold
keys and passwords, and a bundle is copied around.
"""


def described(training_set: TrainingSet, trained: Trained, settings: Settings, days: int) -> dict[str, Any]:
    """Return what the manifest says of a training besides the model itself."""
    selection = trained.selection
    times = training_set.interactions.timestamp
    return {
        "window": {"days": days, "first_event": _iso(int(times.min())), "as_of": _iso(training_set.as_of)},
        "seed": settings.training.seed,
        "settings": {name: values for name, values in as_dict(settings).items() if name not in _NOT_OF_THE_MODEL},
        "counts": counted(training_set),
        "serves": selection.name,
        "reason": selection.reason,
        "left_out": [one._asdict() for one in trained.left_out],
        "warmth": [row._asdict() for row in trained.warmth],
        "requests_compared": selection.n_checked,
        "candidate_recall": _number(selection.candidate_recall),
        "exposure": {
            "young_share": selection.exposure.policy.share,
            "earned": _number(selection.exposure.earned),
            "cost": _number(selection.exposure.cost),
        },
        "metrics": {f"check/{name}/ndcg@10": round(one.value, 6) for name, one in selection.scores.items()},
    }


def counted(training_set: TrainingSet) -> dict[str, int]:
    """Return how much a training saw."""
    events = training_set.interactions
    return {
        "events": len(events),
        "users": len(np.unique(events.user)),
        "items": training_set.n_items,
        "items_with_events": len(np.unique(events.item)),
    }


def _end(store: Store) -> datetime:
    newest = store.counts().last_event
    if newest is None:
        raise DataError("The store holds no event.", remedy="Import some: coldframe import events FILE.")
    return newest + timedelta(microseconds=1)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _iso(micros: int) -> str:
    return _moment(micros).isoformat()


class _Stopwatch:
    """Seconds per step."""

    def __init__(self) -> None:
        self._last, self.laps = perf_counter(), dict[str, float]()

    def lap(self, step: str) -> None:
        """Note the seconds since the last lap."""
        now = perf_counter()
        self.laps[step], self._last = round(now - self._last, 3), now
