"""Which form serves: the learned mixers against each other and against everything simpler, on later lessons.

Owns the comparison and its report, made on lessons that no contender was fitted on. `choosing` draws the conclusion.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.metrics import Comparison, Estimate, bootstrap_mean, paired_bootstrap
from coldframe.metrics.interval import Doubles
from coldframe.models.affordable import Affordable, affordable
from coldframe.models.choosing import FEWEST, Asked, choose
from coldframe.models.contenders import ndcg, singles, tuned
from coldframe.models.learned import LEARNED, ForGood, fit_learned
from coldframe.models.lessons import Lessons
from coldframe.models.newcomers import order_of_new, ordered
from coldframe.models.thrift import FormsInTime
from coldframe.models.workshop import Report
from coldframe.scoring.mixing import ByUser, Form
from coldframe.scoring.request import Expert
from coldframe.settings import Settings


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
    experts: tuple[Expert, ...],
    lessons: Lessons,
    settings: Settings,
    report: Report,
    *,
    timeless: bool = False,
    refit: bool = False,
    in_time: FormsInTime | None = None,
) -> Selection:
    """Return the form that serves, fitted on all lessons; with `refit` every form that was compared is, too.

    `timeless` lessons are all of one moment: what is new there are few items, whose order a learned form does not say.
    `in_time` says which of the learned ones there is time for.
    """
    if len(lessons) < FEWEST:
        reason = f"{len(lessons)} later requests are too few to learn a mixer from"
        return Selection("popular-ever", singles(experts)["popular-ever"], reason, 0, float("nan"))
    train, check = lessons.split(settings.mixer.check)
    simple = _simple(experts, train)
    learned, epochs = fit_learned(train, settings, report, in_time)
    order = order_of_new(experts, train) if timeless else None
    forms = simple | {name: ordered(name, form, order) for name, form in learned.items()}
    values = {name: ndcg(form, check) for name, form in forms.items()}
    choice = choose(values, Asked(check.bucket, check.user), simple, settings.mixer.form)
    report("fit mixer", len(LEARNED), len(LEARNED) + 1)
    order = order_of_new(experts, lessons) if timeless else None

    good = ForGood(lessons, epochs, settings)

    def finished(names: Iterable[str]) -> dict[str, Form]:
        return forms | {name: ordered(name, form, order) for name, form in good.fit(names).items()}

    final = finished(choice.serves)
    report("fit mixer", len(LEARNED) + 1, len(LEARNED) + 1)
    served = np.choose(check.bucket, [values[name] for name in choice.serves])
    scores, differences = _compare(served, values, check.user, settings.training.seed)
    rule = settings.recommend
    if refit:
        final = finished(learned) | _simple(experts, lessons)
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


def _simple(experts: tuple[Expert, ...], train: Lessons) -> dict[str, Form]:
    return {**singles(experts), **tuned(experts, train)}


def _compare(
    served: Doubles, values: dict[str, Doubles], users: NDArray[np.int64], seed: int
) -> tuple[dict[str, Estimate], dict[str, Comparison]]:
    scores = {
        name: bootstrap_mean(own, users, generator=generator(seed, "selection", name))
        for name, own in (values | {"hybrid": served}).items()
    }
    differences = {
        name: paired_bootstrap(served, own, users, generator=generator(seed, "paired", name))
        for name, own in values.items()
    }
    return scores, differences
