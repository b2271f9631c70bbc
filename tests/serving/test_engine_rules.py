"""Rules on lists of a bundle that was really trained: the shop's own and the caller's, told and kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock, generator
from coldframe.dataset.training_set import micros
from coldframe.domain import Event, Item
from coldframe.errors import SettingsError
from coldframe.scoring.exposure import Exposure
from coldframe.serving.engine import Engine
from coldframe.serving.terms import Terms
from coldframe.settings import MixerSettings, RulesSettings, Settings
from coldframe.store.sqlite import SQLiteStore

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = replace(
    Settings(),
    mixer=MixerSettings(experts=["collaborative", "item-item", "popular-ever"], epochs=2, max_requests=60),
    recommend=replace(Settings().recommend, young_share=0.0, repeat="allow"),
)
ITEMS = [f"{kind}-{n}" for n in range(10) for kind in ("tea", "nail", "soap")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Forty days in which users of three kinds buy what is of their kind; one bundle trained on them."""
    folder, draw = tmp_path_factory.mktemp("shop"), generator(1, "shop")
    store, registry = SQLiteStore(folder, SETTINGS.store), Registry(folder / "bundles")
    store.upsert_items(
        [Item(item_id=item, categories=(item.split("-")[0],), numeric={"n": float(item[-1])}) for item in ITEMS]
    )
    store.append_events(
        [
            Event(
                event_id=f"e-{n}",
                user_id=f"u-{user}",
                item_id=ITEMS[int(draw.integers(10)) * 3 + int(user) % 3],
                event_type="purchase",
                timestamp=START + timedelta(hours=n),
            )
            for n, user in enumerate(draw.integers(40, size=900))
        ]
    )
    clock = fixed_clock(START + timedelta(days=40))
    registry.promote(pipeline.train(store, registry, SETTINGS, clock=clock, progress=lambda *_: None).bundle)

    def engine(**rules):
        made = Engine(store, registry, replace(SETTINGS, rules=replace(RulesSettings(), **rules)), clock=clock)
        made.refresh()
        return made

    yield store, engine
    store.close()


def ids(answer):
    return [item.item_id for item in answer.items]


def kinds(answer):
    return [item.split("-")[0] for item in ids(answer)]


def test_without_rules_no_item_is_touched(shop):
    answer = shop[1]().recommend("u-0", n=10)
    assert {item.rules for item in answer.items} == {()}
    assert kinds(answer)[:5] == ["tea"] * 5


def test_rules_of_the_settings_hold_for_every_list(shop):
    engine = shop[1](cap={"category": 4}, pin={"soap-7": 2})
    for user in ("u-0", "u-1", "nobody"):
        answer = engine.recommend(user, n=10)
        assert ids(answer)[1] == "soap-7"
        assert answer.items[1].rules == ("pin",)
        assert max(kinds(answer).count(kind) for kind in ("tea", "nail", "soap")) <= 4
        assert len(answer.items) == 10
        assert answer.notes == ()


def test_a_caller_s_rules_join_those_of_the_settings(shop):
    engine = shop[1](cap={"category": 4})
    answer = engine.recommend("u-0", n=9, terms=Terms(cap={"category": 3}, boost={'category = "soap"': 50.0}))
    assert kinds(answer)[:3] == ["soap"] * 3
    assert [kinds(answer).count(kind) for kind in ("tea", "nail", "soap")] == [3, 3, 3]
    assert answer.items[0].rules == ('boost:category = "soap"',)


def test_any_attribute_can_be_capped(shop):
    answer = shop[1]().recommend("u-0", n=10, terms=Terms(cap={"n": 1}))
    numbers = [item[-1] for item in ids(answer)]
    assert len(numbers) == len(set(numbers)) == 10


def test_variety_costs_at_most_its_budget(shop):
    engine = shop[1]()
    for user in range(12):
        plain = engine.recommend(f"u-{user}", n=8)
        varied = engine.recommend(f"u-{user}", n=8, terms=Terms(diversity=0.2))
        total, kept = (sum(item.score for item in answer.items) for answer in (plain, varied))
        assert total - kept <= 0.2 * abs(total) + 1e-5
        assert len(set(kinds(varied))) >= len(set(kinds(plain)))
    assert ids(engine.recommend("u-0", n=8, terms=Terms(diversity=0.0))) == ids(engine.recommend("u-0", n=8))


def test_rules_are_kept_with_the_impression(shop):
    store, engine = shop
    touched = engine().recommend("u-0", n=3, terms=Terms(pin={"nail-3": 1}))
    plain = engine().recommend("u-0", n=3)
    store.flush()
    kept = {impression.recommendation_id: impression for impression in store.impressions()}
    assert kept[touched.recommendation_id].rules == (("pin",), (), ())
    assert kept[touched.recommendation_id].items[0] == "nail-3"
    assert kept[plain.recommendation_id].rules == ()


def test_lots_are_kept_with_the_impression(shop):
    store, engine = shop
    live = engine()._live
    drawn = engine()
    drawn._live = replace(live, model=replace(live.model, exposure=Exposure(0.02, 10)))
    lists = [drawn.recommend("u-0", n=10), drawn.recommend("u-0", n=10, terms=Terms(cap={"category": 4}))]
    plain = engine().recommend("u-0", n=10)
    store.flush()
    kept = {impression.recommendation_id: impression for impression in store.impressions()}
    for answer in lists:
        impression = kept[answer.recommendation_id]
        assert (impression.slots.share, impression.slots.every) == (0.02, 10)
        assert impression.slots.seed[1] == micros(START + timedelta(days=40))
        assert impression.propensities == tuple(item.propensity for item in answer.items)
    assert kept[plain.recommendation_id].slots is None


def test_a_pin_that_may_not_be_shown_and_a_name_nobody_has_are_told(shop):
    terms = Terms(filter='category != "nail"', pin={"nail-3": 1, "none": 2, "late": 99}, boost={"pric < 3": 2.0})
    answer = shop[1]().recommend("u-0", n=3, terms=terms)
    assert answer.notes == (
        "'nail-3', pinned at 1, may not be shown.",
        "'none', pinned at 2, may not be shown.",
        "No item has 'pric', which a filter or a rule names.",
    )


def test_a_visitor_s_list_keeps_to_the_rules_too(shop):
    answer = shop[1](cap={"category": 1}).recommend_anonymous([], {}, n=5)
    assert sorted(kinds(answer)) == ["nail", "soap", "tea"]
    assert answer.notes == ("3 of 5 items: no more may be shown.",)


def test_pages_under_rules_are_the_whole_list_each_item_once(shop):
    store, engine = shop
    engine = engine(cap={"category": 4}, pin={"soap-7": 12})
    answer = engine.recommend("u-0", n=7, terms=Terms(pages=True, boost={'category = "nail"': 2.0}))
    found = [ids(answer)]
    while answer.next:
        event = Event(
            event_id=f"page-{len(found)}",
            user_id="u-0",
            item_id=found[-1][0],
            event_type="purchase",
            timestamp=START + timedelta(days=40),
        )
        store.append_events([event])
        answer = engine.recommend("u-0", terms=Terms(next=answer.next))
        found.append(ids(answer))
    assert sorted(item for page in found for item in page) == sorted(ITEMS)
    assert found[1][12 - 7 - 1] == "soap-7"
    for page in found:
        assert max([item.split("-")[0] for item in page].count(kind) for kind in ("tea", "nail", "soap")) <= 4


def test_a_page_that_caps_make_short_is_not_the_last(shop):
    engine = shop[1](cap={"category": 1})
    answer = engine.recommend("u-0", n=5, terms=Terms(pages=True))
    found = [*ids(answer)]
    while answer.next:
        answer = engine.recommend("u-0", terms=Terms(next=answer.next))
        assert sorted(kinds(answer)) in ([], ["nail", "soap", "tea"])
        found += ids(answer)
    assert sorted(found) == sorted(ITEMS)


@pytest.mark.parametrize("rules", [{"boost": {"price <": 2.0}}, {"cap": {"item_id": 1}}, {"pin": {"a": 1, "b": 1}}])
def test_a_rule_in_the_settings_that_cannot_be_read_stops_the_start(shop, rules):
    with pytest.raises(SettingsError, match=r"\[rules\]"):
        shop[1](**rules)
