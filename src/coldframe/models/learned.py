"""The mixer's learned forms, fitted side by side: on a part of the lessons to be compared, on all of them to serve.

Owns when each one stops, and what the mean is made of. `networks` and `grown` fit a single one.
"""

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


def fit_for_good(
    name: str, lessons: Lessons, epochs: dict[str, int], forms: dict[str, Form], settings: Settings
) -> Form:
    """Return the chosen form fitted on all lessons for as long as was best; a simpler one stays as it is."""
    if name not in LEARNED:
        return forms[name]
    everything = Candidates.of(lessons)
    if name == "mean":
        return _mean_of({part: _fit_for(part, everything, epochs, settings) for part in AVERAGED}, lessons)
    return _fit_for(name, everything, epochs, settings)


def _fit_for(name: str, lessons: Candidates, epochs: dict[str, int], settings: Settings) -> Form:
    if name == "trees":
        return grow_trees(lessons, None, settings.training, rounds=epochs["trees"])[0]
    rule = replace(settings.mixer, epochs=max(epochs[name], 1))
    return fit_network(name, lessons, None, rule, generator(settings.training.seed, name))[0]
