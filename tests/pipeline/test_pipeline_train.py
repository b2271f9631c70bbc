"""Events in a store to a bundle that serves: one training on a small generated shop, asked through the engine."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.domain import Event
from coldframe.errors import DataError, UnknownIdError
from coldframe.evaluation.plan import Cases
from coldframe.models import fit_models
from coldframe.models.fits import EXPERTS
from coldframe.scoring.request import Request
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.shop import OPENING, quick_settings


@pytest.fixture
def elsewhere(place, tmp_path):
    """The same store with an empty registry, and a training too short to learn a mixer."""
    return replace(place, registry=Registry(tmp_path), settings=quick_settings(mixer={"holdout": 0.01}), steps=[])


def test_a_training_publishes_a_bundle_and_leaves_promoting_to_others(elsewhere):
    result = elsewhere.train(as_of=OPENING + timedelta(days=12))
    assert [info.bundle for info in elsewhere.registry.list()] == [result.bundle]
    assert elsewhere.registry.promoted() is None
    assert elsewhere.registry.list()[0].created_at == elsewhere.now


def test_it_says_what_it_saw_and_what_serves(place, result):
    events = place.shop.events
    assert result.counts == {
        "events": events.height,
        "users": events["user_id"].n_unique(),
        "items": 60,
        "items_with_events": events["item_id"].n_unique(),
    }
    assert list(result.seconds) == ["read", "models", "bundle", "compile"]
    assert result.left_out == []
    assert min(result.seconds.values()) >= 0
    assert {f"check/{name}/ndcg@10" for name in EXPERTS} <= result.metrics.keys()
    assert result.serves
    assert result.reason


def test_every_step_is_reported(place, result):
    names = [step for step, _, _ in place.steps]
    own = [name for name in names if name != "compile"]  # told when it happens
    assert (own[0], own[-1]) == ("read", "bundle")
    assert {"fit collaborative", "train content tower", "fit mixer", "bundle"} <= set(names)
    assert all(0 <= done <= total for _, done, total in place.steps)


def test_the_manifest_says_how_the_bundle_was_made(place, result):
    meta = place.registry.manifest(result.bundle)["meta"]
    assert meta["seed"] == place.settings.training.seed
    assert meta["settings"]["collaborative"]["factors"] == place.settings.collaborative.factors
    assert meta["counts"] == result.counts
    assert meta["metrics"] == result.metrics
    assert meta["window"]["days"] == place.settings.window.days
    assert meta["window"]["as_of"] > meta["window"]["first_event"] > "2026-01-01"
    assert [expert["name"] for expert in meta["experts"]] == list(EXPERTS)


def test_the_manifest_holds_no_key(place, result):
    sections = place.registry.manifest(result.bundle)["meta"]["settings"].keys()
    assert "mixer" in sections
    assert not sections & {"serving", "kafka", "schedule", "store"}


def test_the_same_store_gives_the_same_bundle(elsewhere):
    assert elsewhere.train().bundle == elsewhere.train().bundle


def test_a_training_sees_its_window_alone(elsewhere):
    events = elsewhere.shop.events
    end, days = OPENING + timedelta(days=20), 10
    inside = events.filter((events["timestamp"] < end) & (events["timestamp"] >= end - timedelta(days=days)))
    result = elsewhere.train(as_of=end, window_days=days)
    assert result.counts["events"] == inside.height


def test_there_is_nothing_to_learn_from_an_empty_store(place, tmp_path):
    store = SQLiteStore(tmp_path / "data", place.settings.store)
    with pytest.raises(DataError, match="holds no event"):
        replace(place, store=store).train()
    store.close()


def test_the_engine_answers_from_it(place, engine, result):
    for user in [*[user.user_id for user in place.shop.users[:20]], "nobody"]:
        answer = engine.recommend(user, n=5)
        assert answer.bundle == result.bundle
        assert len({item.item_id for item in answer.items}) == 5
        assert np.isfinite([item.score for item in answer.items]).all()
        assert all(sum(item.mixer_weights.values()) == pytest.approx(1, abs=1e-4) for item in answer.items)
    assert engine.recommend("nobody").level == "popular"


def test_many_at_once_get_what_each_gets_alone(place, engine):
    users = [user.user_id for user in place.shop.users[::6]]
    together = [answer.items for answer in engine.recommend_many(users, n=7)]
    assert together == [engine.recommend(user, n=7).items for user in users]


def test_it_explains_what_it_showed(engine):
    shown = engine.recommend("u001", n=3).items[0]
    why = engine.explain("u001", shown.item_id)
    assert why.score == pytest.approx(shown.score, abs=1e-4)
    assert why.shares == pytest.approx(shown.mixer_weights, abs=1e-3)
    assert why.because_of
    with pytest.raises(UnknownIdError):
        engine.explain("u001", "no such item")


def test_what_somebody_never_trained_on_does_counts_at_once(place, engine):
    before = engine.recommend("newcomer", n=10)
    shelf = [item for item in place.shop.items if item.categories == ("rugs",)][:3]
    place.store.append_events(
        [
            Event(
                event_id=f"new-{item.item_id}",
                user_id="newcomer",
                item_id=item.item_id,
                event_type="purchase",
                timestamp=place.now - timedelta(minutes=place_in_time),
            )
            for place_in_time, item in enumerate(shelf, 1)
        ]
    )
    after = engine.recommend("newcomer", n=10)
    shelf_of = {item.item_id: item.categories[0] for item in place.shop.items}
    rugs = [sum(shelf_of[item.item_id] == "rugs" for item in answer.items) for answer in (before, after)]
    assert (before.level, after.level) == ("popular", "hybrid")
    assert rugs[1] > rugs[0]


def test_evaluation_trains_the_very_same_experts(place):
    known = place.shop.training_set(place.settings)
    nobody_asks = Cases(0, lambda: iter(()))
    fitted = pipeline.trainer(place.settings).fit(known, nobody_asks, ["popular-ever", "attributes"])
    assert list(fitted) == ["popular-ever", "attributes"]
    asked = Request(now=known.as_of)
    direct = fit_models(known, None, ["popular-ever"], place.settings)["popular-ever"]
    assert np.array_equal(fitted["popular-ever"].score(asked), direct.score(asked))
