"""A new item on lists within seconds of the catalogue knowing it, and off them at once when it goes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from test_engine_trained import NOW, SETTINGS, purchase, shop  # noqa: F401

from coldframe.clock import fixed_clock
from coldframe.domain import Item
from coldframe.serving.engine import Engine
from coldframe.serving.terms import Terms

TEA = Item(item_id="new-tea", title="tea", categories=("tea",), created_at=NOW - timedelta(hours=1))
NAIL = Item(item_id="new-nail", title="nail", categories=("nail",), created_at=NOW - timedelta(hours=2))


@pytest.fixture
def world(shop):  # noqa: F811
    """The trained shop behind an engine of its own, without newcomers again at the end."""
    store, other = shop
    engine = Engine(store, other._registry, SETTINGS, clock=fixed_clock(NOW))
    engine.refresh()
    yield store, engine
    store.upsert_items([replaced(item, available=False) for item in (TEA, NAIL)])


def replaced(item, **fields):
    import msgspec

    return msgspec.structs.replace(item, **fields)


def ids(answer):
    return [item.item_id for item in answer.items]


def test_a_new_item_is_recommended_to_those_who_like_its_kind(world):
    store, engine = world
    assert "new-tea" not in ids(engine.recommend("u-0", n=30))
    store.upsert_items([TEA, NAIL])
    assert not engine.refresh()  # the same bundle serves on
    assert ids(engine.recommend("u-0", n=26)).index("new-tea") < ids(engine.recommend("u-0", n=26)).index("new-nail")
    assert ids(engine.recommend("u-1", n=26)).index("new-nail") < ids(engine.recommend("u-1", n=26)).index("new-tea")
    assert engine.items_unknown_to_bundle == 0


def test_it_is_explained_and_similar_items_are_found(world):
    store, engine = world
    store.upsert_items([TEA])
    engine.refresh()
    told = engine.recommend("u-0", n=26)
    why = engine.explain("u-0", "new-tea")
    assert why.score == next(item.score for item in told.items if item.item_id == "new-tea")
    assert {item.item_id.split("-")[0] for item in engine.similar_items("tea-1", n=3)} <= {"tea", "new"}


def test_it_is_filtered_and_hidden_as_any_other(world):
    store, engine = world
    store.upsert_items([TEA])
    engine.refresh()
    assert "new-tea" in ids(engine.recommend("u-0", n=26, category="tea"))
    assert "new-tea" not in ids(engine.recommend("u-0", n=26, category="nail"))
    assert "new-tea" not in ids(engine.recommend("u-0", n=26, exclude=["new-tea"]))
    store.upsert_items([replaced(TEA, available=False)])
    assert "new-tea" not in ids(engine.recommend("u-0", n=26))  # nobody had to look again


def test_an_event_on_it_changes_the_next_list(world):
    store, engine = world
    store.upsert_items([NAIL])
    engine.refresh()
    store.append_events([purchase("on-new", "curious", "new-nail", NOW)])
    assert {item.split("-")[0] for item in ids(engine.recommend("curious", n=5))} <= {"nail", "new"}


def test_the_newest_come_first_where_there_is_no_room_for_all(world):
    store, engine = world
    few = replace(SETTINGS, recommend=replace(SETTINGS.recommend, newcomers=1))
    narrow = Engine(store, engine._registry, few, clock=fixed_clock(NOW))
    store.upsert_items([TEA, NAIL])
    narrow.refresh()
    assert "new-tea" in ids(narrow.recommend("u-0", n=26))
    assert "new-nail" not in ids(narrow.recommend("u-1", n=26))
    assert narrow.items_unknown_to_bundle == 1


def test_a_newcomer_is_taken_in_without_reading_all_of_the_catalogue(world, monkeypatch):
    store, engine = world
    engine.recommend("u-0", terms=Terms(filter='category = "tea"'))

    def never():
        raise AssertionError("all of the catalogue is read again")

    monkeypatch.setattr(store, "items", never)
    store.upsert_items([TEA])
    engine.refresh()
    assert "new-tea" in ids(engine.recommend("u-0", n=26, terms=Terms(filter='category = "tea"')))
    assert "new-tea" not in ids(engine.recommend("u-0", n=26, terms=Terms(filter='category = "nail"')))


def places(engine, user):
    return ids(engine.recommend(user, n=26)).index("nail-3")


def test_an_item_described_anew_is_recommended_by_what_it_is_now(world):
    """At once, also by an engine that opens the bundle later, and no more once it is what it was."""
    store, engine = world
    was = store.item("nail-3")
    before = [places(engine, user) for user in ("u-0", "u-1")]
    store.upsert_items([Item(item_id="nail-3", title="tea", categories=("tea",))])
    assert not engine.refresh()
    later = Engine(store, engine._registry, SETTINGS, clock=fixed_clock(NOW))
    later.refresh()
    for one in (engine, later):
        assert places(one, "u-0") < before[0]
        assert places(one, "u-1") > before[1]
        assert one.explain("u-0", "nail-3").score == next(
            item.score for item in one.recommend("u-0", n=26).items if item.item_id == "nail-3"
        )
    store.upsert_items([was])
    engine.refresh()
    assert [places(engine, user) for user in ("u-0", "u-1")] == before


def test_what_does_not_change_newcomers_keeps_the_model(world):
    store, engine = world
    store.upsert_items([TEA])
    engine.refresh()
    before = engine._live.model
    store.upsert_items([Item(item_id="tea-1", title="tea-1", categories=("tea",))])
    engine.refresh()
    assert engine._live.model is before
    store.upsert_items([replaced(TEA, title="nail", categories=("nail",))])
    engine.refresh()
    assert engine._live.model is not before


def test_a_list_made_before_the_catalogue_was_looked_at_says_so(world):
    """It has the new item's absence to answer for when it is replayed: its version is the one it was made with."""
    store, engine = world
    before = store.catalogue_version()
    store.upsert_items([TEA])
    early = engine.recommend("u-0", n=3)
    engine.refresh()
    late = engine.recommend("u-0", n=3)
    store.flush()
    versions = [store.impression(each.recommendation_id).asked.catalogue for each in (early, late)]
    assert versions == [before, store.catalogue_version()]
