"""What a learned mixer has to beat: each expert alone, a tuned hard switch, a tuned count curve.

Owns their tuning, on the lessons that the learned forms get. Popularity fills what a contender cannot score.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np

from coldframe.metrics.interval import Doubles
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.experts import Popularity
from coldframe.scoring.mixing import CountCurve, Form, Single, Switch
from coldframe.scoring.request import Expert

F = TypeVar("F", bound=Form)

K = 10
TUNED_ON = 150
"""Lessons that switch and curve are tuned on, spread over the time."""
_DISCOUNT = 1 / np.log2(np.arange(K) + 2)


def ndcg(form: Form, lessons: Lessons) -> Doubles:
    """Return NDCG@10 per lesson, float64 [n]; right answers that are no candidates count as missed."""
    return np.array([_ndcg(form.combine(lesson.evidence), lesson) for lesson in lessons.lessons])


def singles(experts: Sequence[Expert]) -> dict[str, Single]:
    """Return each expert alone by name."""
    fallback = _position(experts, "popular-ever")
    return {expert.name: Single(place, fallback) for place, expert in enumerate(experts)}


class Sides(NamedTuple):
    """Positions of the best collaborative expert, the best content expert and the best popularity."""

    warm: int
    cold: int
    new_user: int


def tuned(experts: Sequence[Expert], lessons: Lessons) -> dict[str, Form]:
    """Return the best hard switch and the best count curve on the lessons; neither without both kinds of expert."""
    few = lessons.part(np.unique(np.linspace(0, len(lessons) - 1, TUNED_ON).astype(np.int64)))
    sides = _sides(experts, few)
    if sides is None:
        return {}
    rules = product((0, 1, 5, 20), (0.3, 1.0, 3.0, 6.0), (0.0, 0.1, 0.4, 1.5))
    curves = product(np.log1p([0.0, 2.0, 10.0, 30.0]).tolist(), (0.3, 0.7, 1.5))
    return {
        "switch": _best((Switch(*sides, count, scale, share) for count, scale, share in rules), few),
        "count-curve": _best((CountCurve(*sides, middle, width) for middle, width in curves), few),
    }


def _sides(experts: Sequence[Expert], lessons: Lessons) -> Sides | None:
    """Return the best collaborative expert, the best content expert and the best popularity, by position.

    Of popularities only those that are never silent: a switch has nothing else to say to somebody new.
    """
    scores = {name: float(ndcg(form, lessons).mean()) for name, form in singles(experts).items()}

    def best(family: str) -> int | None:
        own = [place for place, expert in enumerate(experts) if expert.family == family]
        if family == "popular":
            own = [place for place in own if isinstance(experts[place], Popularity)]
        return max(own, key=lambda place: scores[experts[place].name], default=None)

    warm, cold, new_user = best("collaborative"), best("content"), best("popular")
    return None if warm is None or cold is None or new_user is None else Sides(warm, cold, new_user)


def _best(forms: Iterable[F], lessons: Lessons) -> F:
    return max(forms, key=lambda form: float(ndcg(form, lessons).mean()))


def _position(experts: Sequence[Expert], name: str) -> int:
    return next(place for place, expert in enumerate(experts) if expert.name == name)


def _ndcg(scores: np.ndarray, lesson: Lesson) -> float:
    n = len(scores)
    top = np.argpartition(-scores, min(K, n - 1))[:K] if n > K else np.arange(n)
    top = top[np.argsort(-scores[top], kind="stable")]
    gained = (lesson.is_right[top] * _DISCOUNT[: len(top)]).sum()
    return float(gained / _DISCOUNT[: min(K, lesson.n_relevant)].sum())
