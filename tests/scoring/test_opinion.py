"""A list is the same whether experts score the whole catalogue or are asked for their best: training, evaluation and
serving may each do what is cheaper."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from coldframe.models import train_hybrid
from coldframe.models.recommender import served
from coldframe.scoring.kernel import Wanted
from coldframe.scoring.opinion import InOrder, OfFew, SpeaksInFull, descending
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import Expert, History, Request
from coldframe.testing.shop import quick_settings, shop

DRAW = np.random.default_rng(11)


@dataclass(frozen=True)
class InFullOnly(SpeaksInFull):
    """An expert that is only ever asked for everything."""

    inner: Expert

    @property
    def name(self):
        return self.inner.name

    @property
    def family(self):
        return self.inner.family

    def score(self, request):
        return self.inner.score(request)


@pytest.fixture(scope="module")
def trained():
    training_set = shop(n_users=80, n_items=60).training_set()
    return training_set, served(training_set, train_hybrid(training_set, quick_settings(mixer={"form": "blend"})))


def requests(training_set):
    log = training_set.log
    for user in range(training_set.n_users):
        own = log.where(log.user == user)
        past = History(own.item, own.weight, own.timestamp)
        allowed = np.ones(training_set.n_items, np.bool_)
        allowed[own.item] = user % 2 == 0
        attributes = training_set.user_features.attributes.row(user)
        yield Request.known_at(training_set.as_of, past, attributes=attributes, allowed=allowed)
    yield Request(now=training_set.as_of)


def test_a_trained_model_answers_the_same_when_its_experts_score_everything(trained):
    training_set, model = trained
    in_full = replace(model.hybrid, experts=tuple(InFullOnly(expert) for expert in model.hybrid.experts))
    assert len(model.hybrid.experts) >= 10
    for request in requests(training_set):
        brief, full = model.answer(request, 20), replace(model, hybrid=in_full).answer(request, 20)
        assert brief.items.tolist() == full.items.tolist()
        assert np.array_equal(brief.scores, full.scores)
        assert np.array_equal(brief.shares, full.shares)
        assert brief.level == full.level


@pytest.mark.parametrize("kinds", [1, 3, 50, 1_000])
def test_an_order_known_beforehand_gives_the_best_of_any_mask_and_ties_by_lot(kinds):
    said = DRAW.integers(0, kinds, 1_000).astype(np.float32)
    said[DRAW.random(1_000) < 0.1] = np.nan
    opinion = InOrder(said, descending(said))
    for share in (1.0, 0.5, 0.01, 0.0):
        for k in (1, 7, 200, 2_000):
            mask = DRAW.random(1_000) < share
            right = best_rows(np.flatnonzero(mask & ~np.isnan(said)), said, k, 5)
            assert opinion.best([Wanted(mask, k)], 5)[0].tolist() == right.tolist()


def test_an_opinion_of_few_items_says_nothing_of_the_others():
    opinion = OfFew(np.array([2, 5], np.int32), np.array([1, 3], np.float32), 7)
    assert np.array_equal(opinion.scores(), [np.nan, np.nan, 1, np.nan, np.nan, 3, np.nan], equal_nan=True)
    assert np.array_equal(opinion.of(np.array([6, 5, 0, 2])), [np.nan, 3, np.nan, 1], equal_nan=True)
    assert opinion.best([Wanted(np.arange(7) < 5, 3)], 1)[0].tolist() == [2]
