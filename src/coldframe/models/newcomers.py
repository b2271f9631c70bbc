"""In what order new items stand among themselves, where the lessons tell of too few of them to learn it.

Without times, what is new is a handful of items hidden from the experts, and a learned form remembers which of them
were taken. A sum of few content experts does not: it has one weight each, and what decides them is a grid.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.models.contenders import TUNED_ON, ndcg, strengthened
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.mixing import Blend, Form, Newcomers
from coldframe.scoring.mixing.evidence import NEW_WHEN_FITTED, PER_EXPERT, chosen
from coldframe.scoring.request import Expert

ORDERED = ("bucket", "gate", "network", "trees", "mean")
"""Learned forms that tell one item from another; the fixed blend stays what it is, and the article's form, too."""
FEWEST = 20
"""With fewer lists of new items there is nothing to choose an order by."""


def order_of_new(experts: Sequence[Expert], lessons: Lessons) -> Blend | None:
    """Return the sum of content experts that orders new items best; None without content or with too few lists.

    It begins with the best one and takes the share of each other one that improves NDCG@10 among new items.
    """
    lists = Lessons(tuple(one for each in lessons.lessons if (one := _new_only(each)) is not None), lessons.calibration)
    content = [place for place, expert in enumerate(experts) if expert.family == "content"]
    if len(lists) < FEWEST or not content:
        return None
    few = lists.part(np.unique(np.linspace(0, len(lists) - 1, TUNED_ON).astype(np.int64)))

    def judged(weights: Floats) -> float:
        return float(ndcg(_sum_of(weights), few).mean())

    alone = np.eye(len(experts), dtype=np.float32)[content]
    best, *others = sorted(range(len(content)), key=lambda place: -judged(alone[place]))
    return _sum_of(strengthened(alone[best], [content[place] for place in others], judged))


def ordered(name: str, form: Form, order: Blend | None) -> Form:
    """Return a form with its new items in that order, if it is one that needs it and there is one."""
    return form if order is None or name not in ORDERED else Newcomers(form, order)


def _sum_of(weights: Floats) -> Blend:
    """Return Σ weight × raw score; what an expert cannot say adds nothing."""
    columns = np.zeros(len(weights) * PER_EXPERT, np.float32)
    columns[::PER_EXPERT] = weights
    return Blend(columns)


def _new_only(lesson: Lesson) -> Lesson | None:
    """Return a lesson among its new items; None where none of them was right."""
    places = np.flatnonzero(lesson.evidence.context[:, NEW_WHEN_FITTED] > 0)
    is_right = lesson.is_right[places]
    if not is_right.any():
        return None
    return replace(lesson, evidence=chosen(lesson.evidence, places), is_right=is_right, n_relevant=int(is_right.sum()))
