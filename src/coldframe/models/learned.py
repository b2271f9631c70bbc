"""The mixer's learned forms, fitted side by side: on a part of the lessons to be compared, on all of them to serve.

Owns when each one stops, and what the mean is made of. `networks` and `grown` fit a single one.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from coldframe.clock import generator
from coldframe.models.budget import Budget
from coldframe.models.drawn import Candidates
from coldframe.models.grown import grow_trees
from coldframe.models.lessons import Lessons
from coldframe.models.networks import fit_network
from coldframe.models.thrift import FormsInTime
from coldframe.models.workshop import Report
from coldframe.scoring.mixing import Form, Mean
from coldframe.settings import Settings

INNER = 0.2
"""Share of the lessons fitted on, their end, that decides when to stop."""
NETWORKS = ("blend", "bucket", "gate", "network", "softmax")
AVERAGED = ("gate", "trees", "network")
"""What `mean` is made of."""
LEARNED = (*NETWORKS, "trees", "mean")
SCALED_ON = 100
"""Lessons on which two forms are brought to one scale."""


def fit_learned(
    train: Lessons, settings: Settings, report: Report, in_time: FormsInTime | None = None
) -> tuple[dict[str, Form], dict[str, int]]:
    """Return the learned forms that are wanted, fitted on the lessons, and the epochs or rounds best for each.

    Those that `in_time` has no time for are left out, and the mean where one of its parts is.
    """
    in_time = in_time or FormsInTime(Budget())
    learn, watch = train.split(INNER)
    seed = settings.training.seed
    learning, watching = Candidates.of(learn), Candidates.of(watch)
    forms: dict[str, Form] = {}
    epochs: dict[str, int] = {}
    if not len(learning) or not len(watching):
        return forms, epochs
    wanted = _wanted(settings.mixer.form)
    parts = in_time.order([name for name in wanted if name != "mean"], AVERAGED)

    def fit(name: str) -> tuple[Form, int] | None:
        if not in_time.may_begin(name):
            return None
        with in_time.timed():
            if name == "trees":
                return grow_trees(learning, watching, settings.training)
            return fit_network(name, learning, watching, settings.mixer, generator(seed, name))

    with ThreadPoolExecutor(settings.training.threads) as pool:
        for done, (name, fitted) in enumerate(zip(parts, pool.map(fit, parts), strict=True), 1):
            report("fit mixer", done, len(wanted) + 1)
            if fitted is not None:
                forms[name], epochs[name] = fitted
    if "mean" in wanted and in_time.whole("mean", [name for name in AVERAGED if name not in forms]):
        forms["mean"] = _mean_of(forms, train)
    return forms, epochs


def _wanted(form: str) -> tuple[str, ...]:
    """Return the forms to fit, parts before what is made of them."""
    if form == "auto":
        return LEARNED
    return (*AVERAGED, "mean") if form == "mean" else (form,)


def _mean_of(forms: dict[str, Form], lessons: Lessons) -> Mean:
    """Return the network, which errs by itself, and the gate with the trees, half and half."""
    gate, trees, network = (forms[name] for name in AVERAGED)
    return _mean(_mean(gate, trees, lessons), network, lessons)


def _mean(first: Form, second: Form, lessons: Lessons) -> Mean:
    """Return the mean of two forms on the scale of some lessons."""
    few = lessons.lessons[:: max(1, len(lessons) // SCALED_ON)]
    scales = [np.mean([form.combine(lesson.evidence).std() for lesson in few]) for form in (first, second)]
    return Mean(first, second, *(max(float(scale), 1e-6) for scale in scales))


class ForGood:
    """Forms fitted on all lessons, each once, for as long as was best when they were compared."""

    def __init__(self, lessons: Lessons, epochs: dict[str, int], settings: Settings) -> None:
        self._lessons, self._epochs, self._settings = lessons, epochs, settings
        self._candidates = Candidates.of(lessons)
        self._fitted: dict[str, Form] = {}

    def fit(self, names: Iterable[str]) -> dict[str, Form]:
        """Return the learned forms among some names, side by side."""
        learned = [name for name in names if name in LEARNED]
        parts = [part for name in learned for part in (AVERAGED if name == "mean" else (name,))]
        missing = [part for part in dict.fromkeys(parts) if part not in self._fitted]
        with ThreadPoolExecutor(self._settings.training.threads) as pool:
            self._fitted |= zip(missing, pool.map(self._one, missing), strict=True)
        if "mean" in learned:
            self._fitted["mean"] = _mean_of(self._fitted, self._lessons)
        return {name: self._fitted[name] for name in learned}

    def _one(self, name: str) -> Form:
        training, epochs = self._settings.training, self._epochs[name]
        if name == "trees":
            return grow_trees(self._candidates, None, training, rounds=epochs)[0]
        rule = replace(self._settings.mixer, epochs=max(epochs, 1))
        return fit_network(name, self._candidates, None, rule, generator(training.seed, name))[0]
