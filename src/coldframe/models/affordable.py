"""How many slots young items get: the share asked for, or what the declared budget of accuracy pays.

Owns that one sum, on lessons that the mixer was not fitted on. `scoring.exposure` is the policy itself.
"""

from dataclasses import dataclass, field

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.models.contenders import K, ndcg_of
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.exposure import Exposure, in_order, is_young
from coldframe.scoring.mixing import Form
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import Request


@dataclass(frozen=True)
class Affordable:
    """The policy that serves, and what it was found to do on `n` lessons.

    `earned`: share of the first ten slots that young items had without it; `cost`: NDCG@10 lost with it, relative.
    """

    policy: Exposure = field(default_factory=Exposure)
    n: int = 0
    earned: float = float("nan")
    cost: float = float("nan")


def affordable(form: Form, lessons: Lessons, *, share: float, budget: float, every: int) -> Affordable:
    """Return the largest share up to `share` that costs at most `budget` of NDCG@10; `every` as in `Exposure`.

    A list that gives a slot loses what it loses whether or not others give one, so the cost grows with their number.
    """
    if not len(lessons):
        return Affordable()
    scored = [(lesson, form.combine(lesson.evidence)) for lesson in lessons.lessons]
    before = np.mean([ndcg_of(scores, lesson) for lesson, scores in scored])
    after = np.mean([ndcg_of(_giving(scores, lesson), lesson) for lesson, scores in scored])
    lost = max(0.0, 1 - float(after / before)) if before > 0 else 0.0
    chance = min(share * every, 1.0, budget / lost if lost > 0 else 1.0)
    earned = float(np.mean([_earned(scores, lesson) for lesson, scores in scored]))
    return Affordable(Exposure(chance / every, every), len(lessons), earned, chance * lost)


def _giving(scores: Floats, lesson: Lesson) -> Floats:
    """Return the scores of a list of ten whose last slot goes to a young item."""
    places = Exposure(1 / K, K).slots(scores, is_young(lesson.evidence), K, Request()).places
    return in_order(scores, places)


def _earned(scores: Floats, lesson: Lesson) -> float:
    return float(is_young(lesson.evidence)[best_rows(np.arange(len(scores)), scores, K, key=0)].mean())
