"""New items in an order of their own: no other item moves, and the order is that of whoever knows new items."""

import numpy as np
import pytest
from model_worlds import Named

from coldframe.models.lessons import Lesson, Lessons
from coldframe.models.newcomers import FEWEST, order_of_new, ordered
from coldframe.scoring.mixing import Blend, Calibration, Newcomers, by_row, gather
from coldframe.scoring.mixing.evidence import NEW_WHEN_FITTED, PER_EXPERT
from coldframe.scoring.request import History, Request

N_ITEMS = 40
IS_NEW = np.arange(N_ITEMS) % 2 == 1
FITTED = np.where(IS_NEW, 0, 9).astype(np.int32)
EXPERTS = (Named("ease", "collaborative"), Named("guess", "content"), Named("knows", "content"))


def lesson(draw):
    scores = draw.normal(size=(3, N_ITEMS)).astype(np.float32)
    scores[0, IS_NEW] = np.nan
    request = Request(History(np.arange(3, dtype=np.int32), np.ones(3, np.float32), np.arange(3) + 1), 10**12)
    items = np.arange(N_ITEMS, dtype=np.int32)
    evidence = gather(scores, items, request, FITTED, Calibration(np.ones(3, np.float32)))
    right = np.flatnonzero(IS_NEW)[np.argmax(scores[2, IS_NEW] + 0.1 * scores[1, IS_NEW])]
    return Lesson(evidence, items == right, 1, 3, 0)


def lessons(n):
    draw = np.random.default_rng(3)
    return Lessons(tuple(lesson(draw) for _ in range(n)), Calibration(np.ones(3, np.float32)))


def raw(weights):
    columns = np.zeros(3 * PER_EXPERT, np.float32)
    columns[::PER_EXPERT] = weights
    return Blend(columns)


@pytest.fixture
def evidence():
    return lessons(1).lessons[0].evidence


def test_only_new_items_change_places_and_only_among_themselves(evidence):
    inner, order = raw([1, -1, 0]), raw([0, 0, 1])
    before, after = inner.combine(evidence), Newcomers(inner, order).combine(evidence)
    is_new = evidence.context[:, NEW_WHEN_FITTED] > 0
    assert (is_new == IS_NEW).all()
    assert (after[~is_new] == before[~is_new]).all()
    assert sorted(after[is_new]) == sorted(before[is_new])
    assert (np.argsort(-after[is_new]) == np.argsort(-order.combine(evidence)[is_new])).all()


def test_reasons_for_an_item_do_not_depend_on_the_others_that_are_asked_about(evidence):
    form = by_row(Newcomers(raw([1, -1, 0]), raw([0, 0, 1])))
    some = [1, 2, 5]
    few = evidence._replace(
        items=evidence.items[some], features=evidence.features[some], context=evidence.context[some]
    )
    assert (form.combine(few) == form.combine(evidence)[some]).all()


def test_the_order_is_that_of_the_content_expert_who_knows_and_of_no_collaborative_one():
    weights = order_of_new(EXPERTS, lessons(60)).weights[::PER_EXPERT]
    assert weights[2] == 1
    assert 0 < weights[1] < 1
    assert weights[0] == 0


def test_without_content_or_with_too_few_lists_there_is_no_order():
    assert order_of_new(EXPERTS[:1], lessons(60)) is None
    assert order_of_new(EXPERTS, lessons(FEWEST - 1)) is None
    assert not isinstance(ordered("trees", raw([1, 0, 0]), None), Newcomers)


def test_the_fixed_blend_and_the_articles_form_stay_what_they_are():
    for name in ("blend", "softmax", "switch"):
        assert not isinstance(ordered(name, raw([1, 0, 0]), raw([0, 0, 1])), Newcomers)
