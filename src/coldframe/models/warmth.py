"""How much the mixer trusts each expert, as a function of warmth: the table behind the claim of this project.

Owns the buckets and the averaging. Measures a hybrid on questions; changes nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coldframe.models.questions import Question
from coldframe.scoring.hybrid import Hybrid, shares
from coldframe.scoring.mixing.forms import N_BUCKETS, NAMES, buckets
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.threads import one_thread_each

LISTED = 10
MOST_QUESTIONS = 150


class WarmthRow(NamedTuple):
    """The mean share of each expert in the scores of `n` listed items, for one bucket of user and of item history."""

    user: str
    item: str
    n: int
    shares: dict[str, float]


def weights_by_warmth(hybrid: Hybrid, questions: Sequence[Question]) -> list[WarmthRow]:
    """Return one row for each pair of buckets that the first ten places of the answers reach."""
    total = np.zeros((N_BUCKETS, N_BUCKETS, len(hybrid.experts)))
    listed = np.zeros((N_BUCKETS, N_BUCKETS), np.int64)
    step = max(1, len(questions) // MOST_QUESTIONS)
    with one_thread_each():
        for question in questions[::step]:
            mixed = hybrid.mix(question.request)
            places = best_rows(np.arange(len(mixed.scores)), mixed.scores, LISTED, key=question.request.now)
            user = buckets(mixed.evidence.context[places, 0])
            item = buckets(mixed.evidence.context[places, 6])
            np.add.at(total, (user, item), shares(hybrid.contributions(mixed, places)))
            np.add.at(listed, (user, item), 1)
    names = [expert.name for expert in hybrid.experts]
    return [
        WarmthRow(
            NAMES[user],
            NAMES[item],
            int(listed[user, item]),
            dict(zip(names, (total[user, item] / listed[user, item]).round(4).tolist(), strict=True)),
        )
        for user, item in np.argwhere(listed > 0)
    ]
