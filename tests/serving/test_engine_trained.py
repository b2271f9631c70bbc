"""The engine on a bundle that was really trained: the same answers singly, in a batch and explained."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock, generator
from coldframe.domain import Event, Item, User
from coldframe.serving.engine import Engine
from coldframe.serving.replay import replay
from coldframe.settings import MixerSettings, Settings
from coldframe.store.sqlite import SQLiteStore

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=61)
SETTINGS = replace(
    Settings(),
    mixer=MixerSettings(
        experts=["collaborative", "item-item", "attributes", "popular-ever"], epochs=2, max_requests=100
    ),
)
TEAS = [f"tea-{n}" for n in range(12)]
NAILS = [f"nail-{n}" for n in range(12)]


def purchase(number, user, item, moment):
    return Event(event_id=f"e-{number}", user_id=user, item_id=item, event_type="purchase", timestamp=moment)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Sixty days in which even users drink tea and odd ones hammer nails; one bundle trained on them."""
    folder, draw = tmp_path_factory.mktemp("shop"), generator(1, "shop")
    store, registry = SQLiteStore(folder, SETTINGS.store), Registry(folder / "bundles")
    store.upsert_items([Item(item_id=item, title=item, categories=(item.split("-")[0],)) for item in TEAS + NAILS])
    store.upsert_users([User(user_id=f"u-{n}", attributes={"likes": ("tea", "nails")[n % 2]}) for n in range(60)])
    store.append_events(
        [
            purchase(n, f"u-{user}", str(draw.choice((TEAS, NAILS)[user % 2])), START + timedelta(hours=n * 1.4))
            for n, user in enumerate(draw.integers(60, size=1000))
        ]
    )
    clock = fixed_clock(NOW)
    result = pipeline.train(store, registry, SETTINGS, clock=clock, progress=lambda *_: None)
    registry.promote(result.bundle)
    engine = Engine(store, registry, SETTINGS, clock=clock)
    assert engine.refresh()
    yield store, engine
    store.close()


def kinds(answer):
    return {item.item_id.split("-")[0] for item in answer.items}


def test_those_who_drink_tea_are_offered_tea(shop):
    _, engine = shop
    assert kinds(engine.recommend("u-0", n=5)) == {"tea"}
    assert kinds(engine.recommend("u-1", n=5)) == {"nail"}
    assert len(engine.recommend("nobody", n=5).items) == 5


def test_an_event_counts_in_the_next_answer(shop):
    store, engine = shop
    before = engine.recommend("newcomer", n=5)
    store.append_events([purchase("new", "newcomer", "nail-3", NOW)])
    after = engine.recommend("newcomer", n=5)
    assert after.items != before.items
    assert kinds(after) == {"nail"}


def test_shares_are_shares(shop):
    for item in shop[1].recommend("u-2").items:
        assert sum(item.mixer_weights.values()) == pytest.approx(1, abs=1e-5)
        assert min(item.mixer_weights.values()) >= 0


def test_a_batch_is_exactly_the_single_answers(shop):
    _, engine = shop
    users = [f"u-{n}" for n in range(20)] + ["nobody"]
    many = engine.recommend_many(users, n=7, exclude=["tea-1"], category="tea")
    assert [(a.items, a.level) for a in many] == [
        (one.items, one.level)
        for one in (engine.recommend(user, n=7, exclude=["tea-1"], category="tea") for user in users)
    ]


@pytest.mark.parametrize("user", ["u-0", "u-1", "nobody"])
def test_every_score_is_explained_as_it_was_given(shop, user):
    _, engine = shop
    answer = engine.recommend(user, n=10)
    for item in answer.items:
        why = engine.explain(user, item.item_id)
        assert (why.score, why.level) == (item.score, answer.level)
        assert why.shares == pytest.approx(item.mixer_weights, abs=1e-6)
        assert sum(why.shares.values()) == pytest.approx(1, abs=1e-5)
    together = engine.explain_many(user, [item.item_id for item in answer.items])
    assert [why.score for why in together] == [item.score for item in answer.items]
    assert engine.explain_many(user, []) == []


def test_what_is_alike_is_of_one_kind(shop):
    found = shop[1].similar_items("tea-0", n=5)
    assert {item.item_id.split("-")[0] for item in found} == {"tea"}
    assert all(-1 <= item.score <= 1 for item in found)


def test_another_engine_on_the_same_bundle_answers_the_same(shop):
    store, engine = shop
    engines = [Engine(store, engine._registry, SETTINGS, clock=fixed_clock(NOW)) for _ in range(2)]
    for each in engines:
        each.refresh()  # both count what other tests told the store since the first engine did
    one, other = ([each.recommend(f"u-{n}").items for n in range(10)] for each in engines)
    assert one == other


def test_answers_are_made_again_after_everybody_went_on(shop):
    store, engine = shop
    answers = engine.recommend_many([f"u-{n}" for n in range(8)], n=6)
    store.append_events(
        [purchase(f"later-{n}", f"u-{n % 8}", TEAS[n % 5], NOW - timedelta(hours=n)) for n in range(99)]
    )
    store.seal(before=NOW)
    store.flush()
    registry = Registry(store._segments.folder.parent / "bundles")
    assert all(replay(answer.recommendation_id, store, registry, SETTINGS).same for answer in answers)
    again = engine.recommend_many([f"u-{n}" for n in range(8)], n=6, shown=False)
    assert [answer.items for answer in again] != [answer.items for answer in answers]
