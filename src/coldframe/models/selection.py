"""Which form serves: the learned mixers against each other and against everything simpler, on later lessons.

The never-worse rule: the mixer serves only if nothing simpler is ahead on the check part, beyond noise in total or
beyond doubt for users with as much history. Owns the comparison and its report. It is made on lessons that no contender
was fitted on.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.metrics import Comparison, Estimate, bootstrap_mean, paired_bootstrap
from coldframe.metrics.interval import Doubles
from coldframe.models.affordable import Affordable, affordable
from coldframe.models.contenders import ndcg, singles, tuned
from coldframe.models.grown import ROUNDS, grow_trees
from coldframe.models.lessons import Lessons, Padded, padded
from coldframe.models.networks import fit_network
from coldframe.models.workshop import Report
from coldframe.scoring.mixing import ByUser, Form, Mean
from coldframe.scoring.mixing.forms import N_BUCKETS, NAMES
from coldframe.scoring.request import Expert
from coldframe.settings import Settings

WIDTH = 160
"""Candidates per lesson that a learned form sees."""
INNER = 0.2
"""Share of the lessons fitted on, their end, that decides when to stop."""
NETWORKS = ("blend", "bucket", "gate", "network", "softmax")
AVERAGED = ("gate", "trees", "network")
"""What `mean` is made of."""
LEARNED = (*NETWORKS, "trees", "mean")
AUTO = ("blend", "bucket", "gate", "network", "trees", "mean")
"""Forms that `mixer.form = "auto"` chooses among; the article's softmax is compared, and serves only when asked for."""
SCALED_ON = 100
"""Lessons on which two forms are brought to one scale."""
RECENT = ("popular-month", "popular-week", "popular-ever")
LEAD = 1.0
"""Standard errors by which something simpler must be ahead to serve: the mixers that are compared know little more than
half of the lessons, and the one that serves knows all of them.
"""
DOUBT = 2.0
"""Standard errors by which something must be ahead to be better beyond doubt."""
BUCKET_DOUBT = 3.0
"""The same where every simple model is tried in every bucket of users."""
FEWEST = 20
"""With fewer lessons nothing can be learned or compared."""


@dataclass(frozen=True)
class Selection:
    """The form that serves, what it is called and why; NDCG@10 of everything that was compared on `n_checked`
    requests, and how much better the chosen one is than each. `exposure` is what young items may cost. `forms` holds
    them all, as they were compared unless `refit` was asked for.
    """

    name: str
    form: Form
    reason: str
    n_checked: int
    candidate_recall: float
    exposure: Affordable = field(default_factory=Affordable)
    forms: dict[str, Form] = field(default_factory=dict[str, Form])
    scores: dict[str, Estimate] = field(default_factory=dict[str, Estimate])
    differences: dict[str, Comparison] = field(default_factory=dict[str, Comparison])


def select(
    experts: tuple[Expert, ...], lessons: Lessons, settings: Settings, report: Report, *, refit: bool = False
) -> Selection:
    """Return the form that serves, fitted on all lessons; with `refit` every form that was compared is, too."""
    if len(lessons) < FEWEST:
        reason = f"{len(lessons)} later requests are too few to learn a mixer from"
        return Selection("popular-ever", singles(experts)["popular-ever"], reason, 0, float("nan"))
    train, check = lessons.split(settings.mixer.check)
    simple = _simple(experts, train)
    learned, epochs = _learned(train, settings, report)
    forms = simple | learned
    values = {name: ndcg(form, check) for name, form in forms.items()}
    choice = choose(values, check.bucket, simple, settings.mixer.form)
    report("fit mixer", len(LEARNED), len(LEARNED) + 1)
    final = {name: _final(name, lessons, epochs, forms, settings) for name in dict.fromkeys(choice.serves)}
    report("fit mixer", len(LEARNED) + 1, len(LEARNED) + 1)
    served = np.choose(check.bucket, [values[name] for name in choice.serves])
    scores, differences = _compare(served, values, settings.training.seed)
    rule = settings.recommend
    if refit:
        others = {name: _final(name, lessons, epochs, forms, settings) for name in learned.keys() - final.keys()}
        final |= others | _simple(experts, lessons)
    return Selection(
        name=choice.name,
        form=_routed([final[name] for name in choice.serves]),
        reason=choice.reason,
        n_checked=len(check),
        candidate_recall=lessons.recall,
        exposure=affordable(
            _routed([forms[name] for name in choice.serves]),
            check,
            share=rule.young_share,
            budget=rule.young_budget,
            every=rule.n,
        ),
        forms=forms | final if refit else forms,
        scores=scores,
        differences=differences,
    )


def _routed(forms: Sequence[Form]) -> Form:
    """Return the forms of the four buckets of users as one."""
    return forms[0] if all(form is forms[0] for form in forms) else ByUser(*forms)


class Choice(NamedTuple):
    """What serves users with 0, 1–5, 6–20 and more events, and why."""

    serves: tuple[str, ...]
    reason: str

    @property
    def name(self) -> str:
        """What serves most users, and who is served by something else."""
        others = [f"{name} for {NAMES[bucket]} events" for bucket, name in enumerate(self.serves)]
        usual = self.serves[-1]
        return ", ".join([usual, *(one for one, name in zip(others, self.serves, strict=True) if name != usual)])


def choose(values: dict[str, Doubles], bucket: NDArray[np.int64], simple: dict[str, Form], wanted: str) -> Choice:
    """Return what serves users with how much history, and why, from NDCG@10 per lesson and the bucket of each.

    The mixer serves unless something simpler is ahead, beyond noise in total or beyond doubt for one bucket of users.
    Users without history get recent popularity unless something is better for them beyond doubt.

    >>> from coldframe.scoring.mixing import Single
    >>> values = {"ease": np.array([0.4]), "gate": np.array([0.3]), "blend": np.array([0.2])}
    >>> choose(values, np.array([2]), {"ease": Single(0, 0)}, "auto").name
    'ease'
    """
    if wanted in values:
        return Choice((wanted,) * N_BUCKETS, "mixer.form asks for it")
    known, reason = _best_of({name: own[bucket > 0] for name, own in values.items()}, simple)
    serves, reasons = [known] * N_BUCKETS, [reason]
    for place in range(1, N_BUCKETS):
        own = {name: value[bucket == place] for name, value in values.items() if name in simple or name == known}
        better = _surely_best(own, known, doubt=BUCKET_DOUBT)
        if better is not None:
            serves[place] = better
            reasons.append(f"users of {NAMES[place]} events: {better} is better beyond doubt")
    recent = next((name for name in RECENT if name in values), None)
    if recent is not None:
        serves[0], why = _best_for_new({name: own[bucket == 0] for name, own in values.items()}, recent)
        reasons.append(f"new users: {why}")
    return Choice(tuple(serves), "; ".join(reasons))


def _surely_best(values: dict[str, Doubles], usual: str, *, doubt: float) -> str | None:
    """Return what is best among all that is better than `usual` beyond doubt."""
    if len(values[usual]) < FEWEST:
        return None
    better = [name for name, own in values.items() if _surely_better(own - values[usual], doubt)]
    return max(better, key=lambda name: float(values[name].mean()), default=None)


def _best_for_new(values: dict[str, Doubles], recent: str) -> tuple[str, str]:
    """Return what serves users without history: recent popularity, unless something is better beyond doubt."""
    n = len(values[recent])
    if n < FEWEST:
        return recent, f"{n} were seen, too few to compare, so {recent} serves them"
    best = _surely_best(values, recent, doubt=DOUBT)
    if best is None:
        return recent, f"nothing is better beyond doubt than {recent} ({values[recent].mean():.4f})"
    return best, f"{best} ({values[best].mean():.4f}) is better than {recent} ({values[recent].mean():.4f})"


def _surely_better(differences: Doubles, doubt: float) -> bool:
    """Return whether the mean difference is more than `doubt` standard errors above 0; one difference has none."""
    n = len(differences)
    error = differences.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    return bool(n and differences.mean() > doubt * error)


def _best_of(values: dict[str, Doubles], simple: dict[str, Form]) -> tuple[str, str]:
    means = {name: float(own.mean()) if len(own) else 0.0 for name, own in values.items()}
    rival = max(simple, key=lambda name: means[name])
    mixer = _best_mixer(values)
    if mixer is None:
        return rival, f"{rival} is the best ({means[rival]:.4f}); there was nothing to learn a mixer from"
    theirs, own = f"({means[rival]:.4f})", f"({means[mixer]:.4f})"
    if _surely_better(values[rival] - values[mixer], LEAD):
        return rival, f"{rival} alone does better {theirs} than the best mixer, {mixer} {own}"
    return mixer, f"{mixer} is the mixer {own}; {rival}, the best simpler one, is not ahead beyond noise {theirs}"


def _best_mixer(values: dict[str, Doubles]) -> str | None:
    """Return the mean of the mixers, which errs least from one slice to the next, unless one is surely better.

    Without a mean it is whichever mixer did best.
    """
    present = {name: values[name] for name in AUTO if name in values}
    usual = AUTO[-1]
    if usual in present and len(present[usual]) >= FEWEST:
        return _surely_best(present, usual, doubt=DOUBT) or usual
    return max(present, key=lambda name: float(np.mean(present[name])) if len(present[name]) else 0.0, default=None)


def _simple(experts: tuple[Expert, ...], train: Lessons) -> dict[str, Form]:
    return {**singles(experts), **tuned(experts, train)}


def _learned(train: Lessons, settings: Settings, report: Report) -> tuple[dict[str, Form], dict[str, int]]:
    """Return the learned forms that are wanted, fitted on the lessons, and the epochs or rounds best for each."""
    learn, watch = train.split(INNER)
    seed = settings.training.seed
    draw = generator(seed, "lessons")
    learning, watching = padded(learn, width=WIDTH, draw=draw), padded(watch, width=WIDTH, draw=draw)
    forms: dict[str, Form] = {}
    epochs: dict[str, int] = {}
    if not len(learning) or not len(watching):
        return forms, epochs
    wanted = _wanted(settings.mixer.form)
    parts = [name for name in wanted if name != "mean"]

    def fit(name: str) -> tuple[Form, int]:
        if name == "trees":
            return grow_trees(learning, watching, settings.training)
        return fit_network(name, learning, watching, settings.mixer, generator(seed, name))

    with ThreadPoolExecutor(settings.training.threads) as pool:
        for done, (name, (form, best)) in enumerate(zip(parts, pool.map(fit, parts), strict=True), 1):
            report("fit mixer", done, len(wanted) + 1)
            forms[name], epochs[name] = form, best
    if "mean" in wanted:
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


def _final(name: str, lessons: Lessons, epochs: dict[str, int], forms: dict[str, Form], settings: Settings) -> Form:
    """Return the chosen form fitted on all lessons for as long as was best; a simpler one stays as it is."""
    if name not in LEARNED:
        return forms[name]
    everything = padded(lessons, width=WIDTH, draw=generator(settings.training.seed, "lessons"))
    if name == "mean":
        return _mean_of({part: _fit_for(part, everything, epochs, settings) for part in AVERAGED}, lessons)
    return _fit_for(name, everything, epochs, settings)


def _fit_for(name: str, lessons: Padded, epochs: dict[str, int], settings: Settings) -> Form:
    if name == "trees":
        return grow_trees(lessons, lessons, settings.training, rounds=min(epochs["trees"] + 1, ROUNDS - 1))[0]
    rule = replace(settings.mixer, epochs=max(epochs[name], 1))
    return fit_network(name, lessons, None, rule, generator(settings.training.seed, name))[0]


def _compare(
    served: Doubles, values: dict[str, Doubles], seed: int
) -> tuple[dict[str, Estimate], dict[str, Comparison]]:
    clusters = np.arange(len(served))
    scores = {
        name: bootstrap_mean(own, clusters, generator=generator(seed, "selection", name))
        for name, own in (values | {"hybrid": served}).items()
    }
    differences = {
        name: paired_bootstrap(served, own, clusters, generator=generator(seed, "paired", name))
        for name, own in values.items()
    }
    return scores, differences
