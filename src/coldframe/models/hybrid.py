"""The whole training of a hybrid: experts on the earlier part, the mixer on the later part, experts again on all.

Owns the order. Nothing that the mixer learns from was seen by the experts it learns about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.repeats import Repeat, repeat_policy
from coldframe.dataset.training_set import TrainingSet
from coldframe.errors import SettingsError
from coldframe.models.budget import Budget, LeftOut
from coldframe.models.fits import EXPERTS, fit_experts
from coldframe.models.later import hold_out
from coldframe.models.lessons import Lessons, gather_lessons
from coldframe.models.questions import Question
from coldframe.models.selection import Selection, select
from coldframe.models.thrift import Thrift, spread, watched
from coldframe.models.warmth import WarmthRow, weights_by_warmth
from coldframe.models.workshop import Report, Workshop, quiet
from coldframe.scoring.hybrid import Hybrid, Retriever
from coldframe.scoring.mixing import Calibration
from coldframe.scoring.request import Expert
from coldframe.scoring.threads import one_thread_each
from coldframe.settings import Settings


@dataclass(frozen=True)
class Trained:
    """A hybrid, how its form was chosen, whether what a user had may be shown again, whom it trusts when, and what
    there was no time for.
    """

    hybrid: Hybrid
    selection: Selection
    repeat: Repeat
    warmth: list[WarmthRow]
    left_out: tuple[LeftOut, ...] = ()


def train_hybrid(
    training_set: TrainingSet,
    settings: Settings,
    *,
    questions: Sequence[Question] | None = None,
    refit: bool = False,
    report: Report = quiet,
    budget: Budget | None = None,
) -> Trained:
    """Return a hybrid trained on a training set.

    With `questions` (a published validation part) the experts are fitted once, on everything, and the mixer learns from
    those; without, the last `mixer.holdout` of the events are held out for it, and what does not fit into the `budget`
    is left out. `refit` as for `selection.select`. Raises `SettingsError` when `mixer.experts` cannot be fitted, and
    `BudgetError` when too little fits in.
    """
    budget = budget or Budget()
    report = watched(budget, report)
    _check_experts(settings.mixer.experts)
    repeat = repeat_policy(training_set.interactions, settings.recommend.repeat)
    if questions is not None:
        workshop = Workshop(training_set, settings, report)
        experts = fit_experts(workshop)
        free = Thrift(Budget(), settings, training_set)
        selection, calibration = _select(experts, workshop, questions, settings, report, free, refit=refit)
        hybrid = _hybrid(experts, workshop, selection, calibration, settings)
        return Trained(hybrid, selection, repeat, weights_by_warmth(hybrid, questions))
    later = hold_out(
        training_set,
        share=settings.mixer.holdout,
        repeats=repeat == "allow",
        max_questions=settings.mixer.max_requests,
        seed=settings.training.seed,
    )
    thrift = Thrift(budget, settings, training_set)
    n_early, n_events = len(later.early.interactions), len(training_set.interactions)
    settings = thrift.experts(later.early)
    early_workshop = Workshop(later.early, settings, report)
    early, took = thrift.fitted(early_workshop)
    settings = thrift.again(took, n_events / max(n_early, 1))
    workshop = Workshop(training_set, settings, report)
    experts = fit_experts(workshop)
    early = tuple(expert for expert in early if expert.name in {other.name for other in experts})
    experts = tuple(expert for expert in experts if expert.name in {other.name for other in early})
    selection, calibration = _select(early, early_workshop, later.questions, settings, report, thrift, refit=refit)
    hybrid = _hybrid(experts, workshop, selection, calibration, settings)
    warmth = weights_by_warmth(hybrid, later.questions)
    return Trained(hybrid, selection, repeat, warmth, tuple(budget.left_out))


def _check_experts(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in EXPERTS]
    if unknown:
        raise SettingsError(
            f"mixer.experts names {unknown[0]!r}, which is no expert.", remedy=f"Known: {', '.join(EXPERTS)}."
        )
    if names and "popular-ever" not in names:
        raise SettingsError(
            "mixer.experts leaves out 'popular-ever', the only one that has an answer for everybody.",
            remedy="Add it, or leave mixer.experts empty.",
        )


def retriever(settings: Settings) -> Retriever:
    """Return the retrieval that the settings ask for."""
    return Retriever(settings.mixer.candidates, max(1, settings.mixer.candidates // 4))


def _select(
    experts: tuple[Expert, ...],
    workshop: Workshop,
    questions: Sequence[Question],
    settings: Settings,
    report: Report,
    thrift: Thrift,
    *,
    refit: bool,
) -> tuple[Selection, Calibration]:
    def ask(places: NDArray[np.int64]) -> Lessons:
        report("ask experts", 0, len(places))
        return gather_lessons(
            [questions[place] for place in places],
            experts,
            retriever(settings),
            workshop.counts,
            threads=settings.training.threads,
            progress=lambda done, total: report("ask experts", done, total),
        )

    for expert in experts:
        expert.prepare()
    kept = thrift.requests(len(questions), lambda n: ask(spread(len(questions), n)))
    lessons = ask(spread(len(questions), kept))
    timeless = len({question.request.now for question in questions}) == 1
    with one_thread_each():
        selection = select(experts, lessons, settings, report, timeless=timeless, refit=refit, in_time=thrift.forms())
    return selection, lessons.calibration


def _hybrid(
    experts: tuple[Expert, ...],
    workshop: Workshop,
    selection: Selection,
    calibration: Calibration,
    settings: Settings,
) -> Hybrid:
    return Hybrid(experts, selection.form, calibration, retriever(settings), workshop.counts)
