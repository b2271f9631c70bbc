"""Items that came since the training: what they inherit, and that nothing else changes because of them."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from coldframe.dataset.features import fit_item_features
from coldframe.domain import Item
from coldframe.models import train_hybrid
from coldframe.models.content_matrix import tf_idf
from coldframe.models.recommender import served
from coldframe.scoring.extending import described_anew, likeness_of, with_newcomers
from coldframe.scoring.kernel import Wanted
from coldframe.scoring.likeness import Likeness, Near
from coldframe.scoring.newcomers import Newcomers
from coldframe.scoring.opinion import InFull
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import History, Request
from coldframe.testing.shop import SHELVES, quick_settings, shop

NOTHING = Item(item_id="new-nothing")


@pytest.fixture(scope="module")
def trained():
    """A model of a shop, and the same with two newcomers: a twin of an item that many took, and one like nothing."""
    small = shop(n_users=80, n_items=60)
    training_set = small.training_set()
    model = served(training_set, train_hybrid(training_set, quick_settings()))
    favourite = int(np.argmax(model.item_counts))
    described = next(item for item in small.items if item.item_id == model.items.ids[favourite])
    twin = Item(item_id="new-twin", title=described.title, text=described.text, tags=described.tags)
    likeness = likeness_of(model)
    return training_set, model, with_newcomers(model, [twin, NOTHING], likeness), favourite


def asked(training_set, n_items, *, longer=0):
    log = training_set.log
    for user in range(0, training_set.n_users, 3):
        own = log.where(log.user == user)
        past = History(own.item, own.weight, own.timestamp)
        allowed = np.ones(n_items + longer, np.bool_)
        allowed[own.item] = False
        attributes = training_set.user_features.attributes.row(user)
        yield user, Request.known_at(training_set.as_of, past, attributes=attributes, allowed=allowed)


def require_one_answer(expert, request, rows):
    """An expert says the same whether it is asked in full, for some rows or for the best."""
    opinion = expert.opinion(request)
    scores = opinion.scores()
    assert len(scores) == len(request.allowed)
    np.testing.assert_array_equal(opinion.of(rows), scores[rows])
    known = np.flatnonzero(request.allowed & ~np.isnan(scores))
    expected = best_rows(known, scores, 7, request.now)
    assert opinion.best([Wanted(request.allowed, 7)], request.now)[0].tolist() == expected.tolist()


def test_an_item_that_is_not_described_is_like_nothing(trained):
    training_set, model, longer, _ = trained
    scores = longer.hybrid.score(next(asked(training_set, len(model.items), longer=2))[1])
    assert np.isnan(scores[-1])
    assert longer.items.ids[-2:] == ("new-twin", "new-nothing")


def test_known_items_are_scored_as_they_were(trained):
    training_set, model, longer, _ = trained
    for _, request in asked(training_set, len(model.items)):
        hidden = replace(request, allowed=np.append(request.allowed, [False, False]))
        usual, now = model.answer(request, 12), longer.answer(hidden, 12)
        assert usual.items.tolist() == now.items.tolist()
        assert usual.scores.tolist() == now.scores.tolist()


def test_a_newcomer_stands_higher_with_those_who_like_what_it_is_like(trained):
    """How much higher is the mixer's to say, which learns from little here."""
    training_set, model, longer, favourite = trained
    new, shelf = len(model.items), int(model.items.ids[favourite][1:]) % len(SHELVES)
    places = {True: [], False: []}
    for user, request in asked(training_set, new, longer=2):
        scores = longer.hybrid.score(request)
        behind = int((scores > scores[new]).sum()) if scores[new] == scores[new] else len(scores)
        places[user % len(SHELVES) == shelf].append(behind)
    assert np.mean(places[True]) < 0.7 * np.mean(places[False])


def test_whether_asked_in_full_for_some_or_for_the_best_an_expert_says_the_same(trained):
    training_set, model, longer, _ = trained
    n = len(model.items) + 2
    for _, request in asked(training_set, len(model.items), longer=2):
        for expert in longer.hybrid.experts:
            require_one_answer(expert, request, np.array([0, n - 2, n - 1, 5], np.int32))


def test_only_experts_that_rest_on_content_say_anything_of_a_newcomer(trained):
    training_set, model, longer, _ = trained
    _, request = next(asked(training_set, len(model.items), longer=2))
    said = {expert.name: expert.opinion(request).scores()[-2] for expert in longer.hybrid.experts}
    for expert in longer.hybrid.experts:
        assert np.isnan(said[expert.name]) == (expert.family != "content")
    assert sum(not np.isnan(value) for value in said.values()) >= 3


def test_what_somebody_did_with_a_newcomer_counts_as_done_with_what_it_is_like(trained):
    _, model, longer, _ = trained
    twin, when = len(model.items), np.array([model.as_of - 1])
    one = np.ones(1, np.float32)
    nearest = int(longer.hybrid.experts[0]._newcomers.near.items[0, 0])
    clicked = Request(History(np.array([twin], np.int32), one, when), now=model.as_of)
    alike = Request(History(np.array([nearest], np.int32), one, when), now=model.as_of)
    for expert in longer.hybrid.experts:
        np.testing.assert_array_equal(expert.opinion(clicked).scores(), expert.opinion(alike).scores())


def test_a_newcomer_is_similar_to_what_it_is_like(trained):
    _, model, longer, favourite = trained
    rows, likeness = longer.similar(len(model.items), 3)
    shelf = longer.categories.row(favourite).tolist()
    assert all(longer.categories.row(int(row)).tolist() == shelf for row in rows)
    assert likeness[0] > 0.5
    assert len(model.items) in longer.similar(favourite, 20)[0]


def test_what_is_inherited_is_the_weighted_mean_of_what_is_known():
    near = Near(np.array([[0, 2], [1, -1], [-1, -1]], np.int32), np.array([[0.75, 0.25], [1, 0], [0, 0]], np.float32))
    newcomers = Newcomers(3, near, np.empty(0, np.int32))
    said = newcomers.inherited(InFull(np.array([4, np.nan, 8], np.float32)))
    np.testing.assert_array_equal(said, np.array([5, np.nan, np.nan], np.float32))


def test_likeness_is_the_cosine_that_training_knows():
    items = shop(n_users=5, n_items=40).items
    features = fit_item_features(items, text_buckets=256)
    among = np.arange(40) % 3 > 0
    cosines = (tf_idf(features) @ tf_idf(features).T).toarray()
    near = Likeness(features, among).nearest(features, k=5, power=1.0)
    for row in range(40):
        best = -np.sort(-cosines[row, among])[:5]
        kept = near.items[row][near.items[row] >= 0]
        assert among[kept].all()
        assert cosines[row, kept] == pytest.approx(best[best > 0][: len(kept)], abs=1e-5)
        assert near.weights[row, : len(kept)] == pytest.approx(best[: len(kept)] / best[: len(kept)].sum(), abs=1e-5)


@pytest.fixture(scope="module")
def edited(trained):
    """The model with its favourite described as an item of another shelf is, and a newcomer like it."""
    small, (_, model, _, favourite) = shop(n_users=80, n_items=60), trained
    shelf = int(model.items.ids[favourite][1:]) % len(SHELVES)
    other = next(item for item in small.items if int(item.item_id[1:]) % len(SHELVES) == (shelf + 1) % len(SHELVES))
    described = Item(item_id=model.items.ids[favourite], title=other.title, text=other.text, tags=other.tags)
    anew = described_anew(model, [described], likeness_of(model))
    assert anew == {favourite: described}
    newcomer = Item(item_id="new-twin", title=other.title, text=other.text, tags=other.tags)
    return with_newcomers(model, [newcomer], likeness_of(model), anew)


def test_what_is_described_as_it_was_or_nearly_is_not_described_anew(trained):
    _, model, _, favourite = trained
    likeness, items = likeness_of(model), shop(n_users=80, n_items=60).items
    known = [item for item in items if item.item_id in model.items.row_of]
    assert described_anew(model, known, likeness) == {}
    dearer = [msgspec.structs.replace(item, numeric={"price": 99.0}, available=False) for item in known]
    assert described_anew(model, dearer, likeness) == {}
    bare = Item(item_id=model.items.ids[favourite])
    assert described_anew(model, [bare], likeness) == {favourite: bare}


def test_content_experts_say_of_an_edited_item_what_it_is_like_now_and_others_what_they_said(trained, edited):
    training_set, model, _, favourite = trained
    twin, heard = len(model.items), 0
    for _, request in asked(training_set, twin, longer=1):
        for before, expert in zip(model.hybrid.experts, edited.hybrid.experts, strict=True):
            was, now = before.opinion(replace(request, allowed=None)).scores(), expert.opinion(request).scores()
            others = np.arange(twin) != favourite
            np.testing.assert_array_equal(now[:twin][others], was[others])
            if expert.family == "content":
                heard += not np.isnan(now[favourite])
                assert now[favourite] == pytest.approx(now[twin], rel=0.2, abs=0.05, nan_ok=True)
            else:
                np.testing.assert_array_equal(now[favourite], was[favourite])
    assert heard > 10


def test_an_edited_item_is_similar_to_what_it_is_like_now(trained, edited):
    _, model, _, favourite = trained
    assert len(model.items) in edited.similar(favourite, 5)[0]
    assert favourite in edited.similar(len(model.items), 5)[0]


def test_what_everything_has_says_nothing_and_changes_nothing(trained):
    """Where all items share their only feature, none is described anew."""
    items = [Item(item_id=name, categories=("film",)) for name in "abc"]
    features = fit_item_features(items, text_buckets=16)
    alike = Likeness(features, np.ones(3, np.bool_)).to_itself(features, np.arange(3, dtype=np.int32))
    assert alike.tolist() == [1, 1, 1]


def test_an_edited_item_is_found_by_what_it_is_like_now(trained, edited):
    training_set, model, _, favourite = trained
    n = len(model.items) + 1
    for _, request in asked(training_set, len(model.items), longer=1):
        for expert in edited.hybrid.experts:
            require_one_answer(expert, request, np.array([favourite, 0, n - 1, favourite], np.int32))


def test_without_newcomers_the_model_is_the_same_object(trained):
    _, model, _, _ = trained
    assert with_newcomers(model, [], likeness_of(model)) is model


def test_a_model_that_knows_no_words_takes_items_in_by_the_rest():
    items = [Item(item_id=name, title=name, categories=("film", name)) for name in "abc"]
    features = fit_item_features(items, text_buckets=0)
    near = Likeness(features, np.ones(3, np.bool_)).nearest(features, k=2, power=1.0)
    assert near.items[:, 0].tolist() == [0, 1, 2]
