"""What a learned mixer has to beat: each expert alone, a tuned hard switch, a tuned count curve.

Owns their tuning, on the lessons that the learned forms get. Popularity fills what a contender cannot score.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.metrics.interval import Doubles
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.mixing import CountCurve, Form, Single, Switch
from coldframe.scoring.request import Expert

F = TypeVar("F", bound=Form)

K = 10
TUNED_ON = 600
"""Lessons that switch and curve are tuned on, spread over the time."""
PARTNERS = 4
"""Experts of one family that may share the warm side of a switch."""
SHARES = (0.02, 0.1, 0.3, 1.0, 3.0)
"""Shares of a partner that are tried."""
_DISCOUNT = 1 / np.log2(np.arange(K) + 2)


def ndcg(form: Form, lessons: Lessons) -> Doubles:
    """Return NDCG@10 per lesson, float64 [n]; right answers that are no candidates count as missed."""
    return np.array([ndcg_of(form.combine(lesson.evidence), lesson) for lesson in lessons.lessons])


def singles(experts: Sequence[Expert]) -> dict[str, Single]:
    """Return each expert alone by name."""
    fallback = _position(experts, "popular-ever")
    return {expert.name: Single(place, fallback) for place, expert in enumerate(experts)}


class Sides(NamedTuple):
    """Who stands where in a switch: weights of the warm side float32 [n_experts], and the positions of the best content
    expert, of the best popularity, and of the one that is never silent.
    """

    warm: Floats
    cold: int
    new_user: int
    fallback: int


def tuned(experts: Sequence[Expert], lessons: Lessons) -> dict[str, Form]:
    """Return the best hard switch and the best count curve on the lessons; neither without a collaborative expert.

    Their warm side is the best collaborative expert, with whatever share of others makes it better.
    """
    few = lessons.part(np.unique(np.linspace(0, len(lessons) - 1, TUNED_ON).astype(np.int64)))
    sides = _sides(experts, few)
    if not sides:
        return {}
    rules = [*product((0, 1, 5, 20), (0.0, 0.3, 1.0, 3.0, 6.0))]
    curves = [*product(np.log1p([0.0, 2.0, 10.0, 30.0]).tolist(), (0.3, 0.7, 1.5))]
    return {
        "switch": _best((Switch(*one, *rule) for one in sides for rule in rules), few),
        "count-curve": _best((CountCurve(*one, *curve) for one in sides for curve in curves), few),
    }


def _sides(experts: Sequence[Expert], lessons: Lessons) -> list[Sides]:
    """Return the sides that a switch may have, one for each content expert; none without a collaborative one.

    Without content the best popularity stands in for it.
    """
    scores = {name: float(ndcg(form, lessons).mean()) for name, form in singles(experts).items()}

    def best(family: str) -> list[int]:
        own = [place for place, expert in enumerate(experts) if expert.family == family]
        return sorted(own, key=lambda place: -scores[experts[place].name])[:PARTNERS]

    warm, cold, popular = best("collaborative"), best("content"), best("popular")
    if not warm or not popular:
        return []
    start = np.zeros(len(experts), np.float32)
    start[warm[0]] = 1
    usual = Sides(start, (cold or popular)[0], popular[0], _position(experts, "popular-ever"))

    def judged(weights: Floats) -> float:
        return float(ndcg(Switch(*usual._replace(warm=weights), 0, 1.0), lessons).mean())

    strong = usual._replace(warm=strengthened(start, (*warm[1:], *popular), judged))
    return [strong._replace(cold=place) for place in cold or popular[:1]]


def strengthened(weights: Floats, partners: Sequence[int], judged: Callable[[Floats], float]) -> Floats:
    """Return weights [n_experts] with the share of each partner that is judged best, one after the other."""
    best = judged(weights)
    for partner in partners:
        for share in SHARES:
            tried = weights.copy()
            tried[partner] = share
            if (found := judged(tried)) > best:
                weights, best = tried, found
    return weights


def _best(forms: Iterable[F], lessons: Lessons) -> F:
    return max(forms, key=lambda form: float(ndcg(form, lessons).mean()))


def _position(experts: Sequence[Expert], name: str) -> int:
    return next(place for place, expert in enumerate(experts) if expert.name == name)


def ndcg_of(scores: np.ndarray, lesson: Lesson) -> float:
    """Return NDCG@10 of one lesson's candidates in order of `scores` [n]."""
    n = len(scores)
    top = np.argpartition(-scores, min(K, n - 1))[:K] if n > K else np.arange(n)
    top = top[np.argsort(-scores[top], kind="stable")]
    gained = (lesson.is_right[top] * _DISCOUNT[: len(top)]).sum()
    return float(gained / _DISCOUNT[: min(K, lesson.n_relevant)].sum())
