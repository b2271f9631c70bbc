"""The whole training on a small generated shop: the same twice, the same from disk, better than guessing."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from time import process_time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coldframe.bundle import open_bundle, write_bundle
from coldframe.errors import DataError, UnknownIdError
from coldframe.models import HybridRecommender, fit_models, train_hybrid
from coldframe.models.fits import EXPERTS
from coldframe.models.later import hold_out
from coldframe.models.recommender import served
from coldframe.models.warmth import NAMES
from coldframe.scoring.exposure import Exposure
from coldframe.scoring.packing import NULLABLE, pack, unpack
from coldframe.scoring.request import Request
from coldframe.testing.shop import quick_settings, shop

SETTINGS = quick_settings(mixer={"form": "mean"})
"""The mean of trees and gate: the form that holds most in a bundle."""

FEW = quick_settings(mixer={"holdout": 0.01})
"""With too few later visits to learn a mixer from: the experts are all there is, and fitting is quick."""

WRITE_ONE = """
import sys
from pathlib import Path
from coldframe.bundle import write_bundle
from coldframe.models import train_hybrid
from coldframe.models.recommender import served
from coldframe.scoring.packing import NULLABLE, pack, unpack
from coldframe.testing.shop import quick_settings, shop
known = shop().training_set()
trained = train_hybrid(known, quick_settings(mixer={"form": "mean"}))
print(write_bundle(Path(sys.argv[1]), *pack(served(known, trained)), nullable=NULLABLE))
"""


@cache
def known():
    return shop().training_set()


@cache
def trained():
    return train_hybrid(known(), SETTINGS)


@pytest.fixture(scope="module")
def model():
    return served(known(), trained())


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A training in a process of its own, begun before ours so that both run at once."""
    folder = tmp_path_factory.mktemp("elsewhere")
    command = [sys.executable, "-W", "error", "-c", WRITE_ONE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


def bundle_of(model, folder):
    return write_bundle(folder, *pack(model), nullable=NULLABLE)


def requests(n=25):
    """The last visits of the shop, and a stranger."""
    later = hold_out(known(), share=0.3, repeats=True, max_questions=n, seed=1)
    return [*(one.request for one in later.questions), Request(now=known().as_of)]


# the same again


def test_one_seed_gives_one_bundle_here_and_in_any_other_process(elsewhere, model, tmp_path):
    first = bundle_of(model, tmp_path)
    started = process_time()
    again = served(known(), train_hybrid(known(), SETTINGS))
    assert process_time() - started < 60
    assert bundle_of(again, tmp_path) == first
    assert elsewhere.communicate()[0].strip() == first
    assert elsewhere.returncode == 0


def test_another_seed_gives_another_bundle(tmp_path):
    other = replace(FEW, training=replace(FEW.training, seed=1))
    one, another = (served(known(), train_hybrid(known(), settings)) for settings in (FEW, other))
    assert bundle_of(one, tmp_path) != bundle_of(another, tmp_path)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_machine_does_not_decide_on_how_many_threads_it_adds_up(tmp_path, threads):
    settings = replace(FEW, training=replace(FEW.training, threads=threads))
    bundles = set()
    for cores in (1, 2):
        with threadpool_limits(cores, user_api="blas"):
            bundles.add(bundle_of(served(known(), train_hybrid(known(), settings)), tmp_path))
    assert len(bundles) == 1


def test_a_model_from_disk_answers_the_same(model, tmp_path):
    opened = open_bundle(tmp_path / bundle_of(model, tmp_path))
    again = unpack(opened.arrays, opened.meta)
    assert again.items == model.items
    for request in requests():
        one, other = model.answer(request, 10), again.answer(request, 10)
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))
    item = int(one.items[0])
    assert repr(again.reasons(request, item)) == repr(model.reasons(request, item))
    assert all(
        np.array_equal(mine, theirs) for mine, theirs in zip(again.similar(3, 5), model.similar(3, 5), strict=True)
    )


def test_asking_in_any_order_or_twice_changes_nothing(model):
    asked = requests()
    forward = [model.answer(request, 10) for request in asked]
    backward = [model.answer(request, 10) for request in asked[::-1]][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


# what an answer is


def test_an_answer_is_finite_distinct_allowed_and_in_order(model):
    for request in requests():
        answer = model.answer(request, 10)
        assert np.isfinite(answer.scores).all()
        assert (np.diff(answer.scores) <= 0).all()
        assert len(set(answer.items.tolist())) == len(answer.items) == 10
        assert request.allowed is None or request.allowed[answer.items].all()
        assert (answer.shares >= 0).all()
        assert answer.shares.sum(axis=1) == pytest.approx(np.ones(10), abs=1e-4)


def test_more_places_only_add_to_an_answer(model):
    for request in requests(5):
        assert model.answer(request, 30).items[:10].tolist() == model.answer(request, 10).items.tolist()


def test_a_list_may_be_longer_than_the_candidates(model):
    without_lots = replace(model, exposure=Exposure())  # a lot may put a young item above a better one
    whole = without_lots.answer(replace(requests(5)[0], allowed=None), known().n_items)
    assert sorted(whole.items.tolist()) == list(range(known().n_items))
    assert (np.diff(whole.scores) <= 0).all()


@pytest.mark.parametrize("n_allowed", [0, 1, 3])
def test_no_more_than_what_is_allowed_is_shown(model, n_allowed):
    allowed = np.arange(known().n_items) < n_allowed
    answer = model.answer(replace(requests(5)[0], allowed=allowed), 10)
    assert sorted(answer.items.tolist()) == list(range(n_allowed))
    assert answer.shares.shape == (n_allowed, len(model.expert_names))


def test_reasons_are_of_the_score_that_was_given(model):
    for request in requests(6):
        answer = model.answer(request, 3)
        for item, score, share in zip(*answer[:3], strict=True):
            why = model.reasons(request, int(item))
            assert why.score == pytest.approx(float(score), abs=1e-4)
            assert list(why.shares.values()) == pytest.approx(share.tolist(), abs=1e-3)
            assert why.warmth["user_interaction_count"] == len(request.history)
            assert len(why.similarity) == len(request.history)
            assert (np.abs(why.similarity) <= 1).all()
            assert why.level == answer.level


def test_what_an_answer_rests_on_is_said(model):
    past = requests()[-2]
    told = Request(now=past.now, attributes=np.array([0], np.int32))
    levels = [model.answer(request, 3).level for request in (past, told, Request(now=past.now))]
    assert levels == ["hybrid", "content", "popular"]


def test_similar_items_are_others_of_the_same_shelf(model):
    features = known().item_features
    same = []
    for item in np.flatnonzero(model.item_counts > 20):
        rows, likeness = model.similar(int(item), 5)
        assert item not in rows
        assert (np.diff(likeness) <= 0).all()
        same += [features.categories.row(row)[0] == features.categories.row(item)[0] for row in rows]
    assert np.mean(same) > 0.5


# quality


def test_everything_is_compared_and_the_hybrid_is_better_than_popularity():
    selection = trained().selection
    assert set(selection.forms) >= {*EXPERTS, "gate", "trees", "mean", "switch", "count-curve"}
    assert selection.n_checked > 10
    assert 0.5 < selection.candidate_recall <= 1
    assert selection.scores["mean"].value > 1.3 * selection.scores["popular-ever"].value


def test_new_users_get_the_shelf_of_their_country(model):
    features, names = known().item_features, model.attribute_names
    shelf = {"FI": "plants", "IE": "knives", "MT": "rugs", "NL": "lamps", "PT": "mugs"}
    share = np.zeros((len(names), len(shelf)))
    for row in range(len(names)):
        told = Request(now=known().as_of, signed_up_at=known().as_of, attributes=np.array([row], np.int32))
        shown = [features.categories.row(item) for item in model.answer(told, 10).items]
        for column, name in enumerate(names):
            category = features.category_names.index(shelf[name.removeprefix("country=")])
            share[row, column] = np.mean([category in categories for categories in shown])
    assert len(names) == 5
    assert np.diag(share).mean() > 1.5 * share.mean()


def test_trust_is_told_by_warmth():
    rows = trained().warmth
    assert {row.user for row in rows} <= set(NAMES)
    assert {row.item for row in rows} <= set(NAMES)
    for row in rows:
        assert row.n > 0
        assert sum(row.shares.values()) == pytest.approx(1, abs=0.01)


# ways in


def test_published_questions_teach_the_mixer_and_experts_see_everything():
    questions = hold_out(known(), share=0.1, repeats=True, max_questions=19, seed=1).questions
    found = train_hybrid(known(), SETTINGS, questions=questions)
    assert np.array_equal(found.hybrid.fitted_counts, np.bincount(known().interactions.item, minlength=known().n_items))
    assert f"{len(questions)} later requests are too few" in found.selection.reason


def test_experts_alone_are_fitted_by_name():
    found = fit_models(known(), None, ["attributes", "popular-ever"], SETTINGS)
    assert list(found) == ["attributes", "popular-ever"]


def test_models_that_share_their_experts_answer_as_if_alone():
    found = fit_models(known(), None, ["hybrid", "exposed", "collaborative", "popular-week"], SETTINGS)
    for request in requests(5):
        for _ in range(2):
            assert np.array_equal(found["hybrid"].score(request), trained().hybrid.score(request), equal_nan=True)
            assert all(np.isfinite(model.score(request)).any() for model in found.values())


def test_a_model_by_an_unknown_name_is_refused():
    with pytest.raises(UnknownIdError, match="no model 'magic'"):
        fit_models(known(), None, ["magic"], SETTINGS)


def test_a_notebook_gets_the_same_answers_as_the_service(model, tmp_path):
    world = shop(n_users=30, n_items=20, days=20)
    book = HybridRecommender(FEW).fit(world.events, world.items, world.users)
    shown = book.recommend("u003", n=5)
    assert len(shown) == 5
    again = HybridRecommender().load(book.save(tmp_path))
    history = ["i001", "i003"]
    assert again.recommend(history=history) == book.recommend(history=history)
    best = again.recommend(history=history)[0].item_id
    assert best not in {one.item_id for one in again.recommend(history=history, exclude=[best])}


def test_a_recommender_that_learned_nothing_says_so():
    with pytest.raises(DataError, match="learned nothing"):
        HybridRecommender().recommend("ann")
