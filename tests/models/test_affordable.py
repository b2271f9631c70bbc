"""What young items may cost: the share asked for where it is cheap, less where it is not, none without lessons."""

import numpy as np
import pytest

from coldframe.models.affordable import affordable
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.mixing import Calibration, Single, gather
from coldframe.scoring.request import History, Request

N = 40
FITTED = np.where(np.arange(N) >= 30, 2, 50).astype(np.int32)


def lessons(right, n=50):
    """Lessons in which item 0 is the best by the only expert, then 1, …; the young ones, from 30 on, come last."""
    scores = -np.arange(N, dtype=np.float32)[None]
    made = []
    for number in range(n):
        past = History(np.array([number % N], np.int32), np.ones(1, np.float32), np.array([number + 1]))
        unit = Calibration(np.ones(1, np.float32))
        evidence = gather(scores, np.arange(N, dtype=np.int32), Request(past, 1_000), FITTED, unit)
        made.append(Lesson(evidence, np.isin(np.arange(N), right), len(right), 1, number))
    return Lessons(tuple(made), Calibration(np.ones(1, np.float32)))


def test_a_slot_that_was_never_right_is_free():
    found = affordable(Single(0, 0), lessons([0]), share=0.02, budget=0.01, every=10)
    assert (found.policy.share, found.cost, found.earned) == pytest.approx((0.02, 0.0, 0.0))


def test_where_the_last_slot_is_worth_much_the_share_is_what_the_budget_pays():
    found = affordable(Single(0, 0), lessons([9]), share=0.02, budget=0.01, every=10)
    assert found.policy.share == pytest.approx(0.001)
    assert found.cost == pytest.approx(0.01)


def test_without_lessons_nothing_is_given_away():
    assert affordable(Single(0, 0), lessons([0], n=0), share=0.02, budget=0.01, every=10).policy.share == 0
