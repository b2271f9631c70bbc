"""Past answers made again, whatever happened since: on the tiny shop, and with lots on a model of best sellers."""

from dataclasses import replace
from datetime import timedelta
from shutil import rmtree

import msgspec
import numpy as np
import pytest
from engine_world import NOW, ids

from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.dataset.training_set import Bags, ItemFeatures, Vocabulary, micros
from coldframe.domain import Event, Item, User
from coldframe.errors import BundleError, InputError, UnknownIdError
from coldframe.scoring.experts import Popularity
from coldframe.scoring.exposure import Exposure
from coldframe.scoring.hybrid import Hybrid, Retriever
from coldframe.scoring.mixing import Blend, Calibration
from coldframe.scoring.packing import NULLABLE, pack
from coldframe.scoring.served import ServedModel
from coldframe.serving.engine import Engine
from coldframe.serving.replay import replay
from coldframe.serving.terms import Terms
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

DAY = timedelta(days=1)


def replayed(world, answer, settings=None):
    world.store.flush()
    return replay(answer.recommendation_id, world.store, world.registry, settings or Settings())


def tampered(world, answer, **changes):
    """Keep the list once more, changed, under another id; return the answer by that id."""
    world.store.flush()
    kept = world.store.impression(answer.recommendation_id)
    world.store.append_impressions([msgspec.structs.replace(kept, recommendation_id="other", **changes)])
    return msgspec.structs.replace(answer, recommendation_id="other")


# what happens later


def test_what_a_user_did_later_is_not_known_to_an_earlier_answer(world):
    world.did("ada", "a")
    first = world.engine.recommend("ada")
    world.did("ada", "d", ago=timedelta(0))
    world.did("ada", "e", ago=3 * DAY)  # dated before the answer, accepted after it
    world.did("bob", "d", ago=2 * DAY)
    world.store.seal(before=NOW)
    assert ids(world.engine.recommend("ada")) != ids(first) == "cbaed"
    assert replayed(world, first).same


def test_a_session_joined_later_and_a_record_changed_later_are_not_known(world):
    world.signed_up("ada", NOW - 9 * DAY, country="PT")
    world.did("ada", "a")
    first = world.engine.recommend("ada")
    world.store.append_events(
        [Event(event_id="v", item_id="d", event_type="purchase", timestamp=NOW, session_id="visit")]
    )
    world.store.merge_session("visit", "ada", now=NOW + DAY)
    world.store.upsert_users([User(user_id="ada", attributes={"vip": True})])
    assert ids(world.engine.recommend("ada")) != ids(first)
    assert replayed(world, first).same


def test_a_bundle_promoted_later_does_not_answer_for_an_earlier_one(world):
    first = world.engine.recommend("ada")
    world.publish(popularity={"a": 0.9})
    world.engine.refresh()
    second = world.engine.recommend("ada")
    assert ids(first) != ids(second)
    assert [replayed(world, answer).same for answer in (first, second)] == [True, True]


# what was asked


@pytest.mark.parametrize(
    "asked",
    [
        {"exclude": ["e"], "n": 2},
        {"category": "lamps"},
        {"terms": Terms(filter='category = "mugs"')},
        {"n": 3, "scenario": "home", "exclude": ["not in the bundle"]},
        {"n": 9},
    ],
)
def test_a_list_is_made_again_under_its_terms(world, asked):
    world.did("ada", "a")
    answer = world.engine.recommend("ada", **asked)
    world.did("ada", "d", ago=timedelta(0))
    assert replayed(world, answer).same
    assert world.store.impression(answer.recommendation_id).asked.n == asked.get("n", 10)


def test_every_page_is_made_again(world):
    world.did("ada", "a")
    page, pages = world.engine.recommend("ada", n=2, exclude=["e"], terms=Terms(pages=True)), []
    while page.items:
        pages.append(page)
        world.did("ada", ids(page)[0], ago=timedelta(minutes=len(pages)))
        page = world.engine.recommend("ada", terms=Terms(next=page.next))
    assert "".join(map(ids, pages)) == "cbad"
    assert all(replayed(world, page).same for page in pages)


def test_a_session_s_list_is_made_again_and_one_from_the_request_s_own_words_is_not(world):
    seen = Event(event_id="1", item_id="a", event_type="purchase", timestamp=NOW, session_id="s")
    world.store.append_events([seen])
    known, nobody = (
        world.engine.recommend_anonymous(None, {}, session_id="s"),
        world.engine.recommend_anonymous(None, {}),
    )
    world.store.append_events([msgspec.structs.replace(seen, event_id="2", item_id="d")])
    assert (ids(known), replayed(world, known).same, replayed(world, nobody).same) == ("cbaed", True, True)
    for said in (world.engine.recommend_anonymous([seen], {}), world.engine.recommend_anonymous(None, {"vip": True})):
        with pytest.raises(InputError, match="never stored"):
            replayed(world, said)
        assert world.store.impression(said.recommendation_id).asked.attributes == {}


# what cannot be the same


@pytest.mark.parametrize(
    ("changes", "place", "what"),
    [
        ({"items": tuple("ceaed")}, 2, "item"),
        ({"items": tuple("cbae")}, 0, "length"),
        ({"scores": (1.3, 1.2, 1.1, 0.5, 0.41)}, 5, "score"),
        ({"propensities": (1.0, 0.5, 1.0, 1.0, 1.0)}, 2, "propensity"),
        ({"level": "popular"}, 0, "level"),
        ({"rules": ((), (), ("pin",), (), ())}, 3, "rules"),
    ],
)
def test_a_record_that_was_changed_differs(world, changes, place, what):
    world.did("ada", "a")
    answer = world.engine.recommend("ada")
    found = replayed(world, tampered(world, answer, **changes))
    assert (found.same, found.difference.place, found.difference.what, found.reasons) == (False, place, what, ())
    assert replayed(world, answer).same


def test_a_catalogue_that_changed_is_named_where_the_list_differs(world):
    answer = world.engine.recommend("ada", n=3)
    world.store.upsert_items([Item(item_id="a", title="A", categories=("lamps",))])
    assert replayed(world, answer).same
    world.store.upsert_items([Item(item_id="d", available=False)])
    found = replayed(world, answer)
    assert (found.difference.place, found.difference.shown, found.difference.replayed) == (2, "d", "c")
    (reason,) = found.reasons
    assert "catalogue changed since, 2 times" in reason


def test_settings_that_changed_are_named(world):
    world.did("ada", "a", "view")
    answer = world.engine.recommend("ada")
    weights = {"view": 0.9}
    other = replace(Settings(), events=replace(Settings().events, weights=weights))
    found = replayed(world, answer, other)
    assert (found.same, found.difference.what) == (False, "item")
    assert "[events]" in found.reasons[0]


def test_a_pruned_bundle_is_told(world, tmp_path):
    answer = world.engine.recommend("ada")
    rmtree(tmp_path / "bundles" / answer.bundle)
    with pytest.raises(BundleError, match=answer.bundle):
        replayed(world, answer)


def test_a_forgotten_user_s_list_is_gone_and_what_is_no_list_is_told(world):
    world.did("ada", "a")
    answer = world.engine.recommend("ada")
    world.store.forget_user("ada", now=NOW)
    for wanted in (answer, msgspec.structs.replace(answer, recommendation_id="never given")):
        with pytest.raises(UnknownIdError, match="is kept") as refused:
            replayed(world, wanted)
        assert "forgotten" in refused.value.remedy


def test_a_list_of_an_earlier_version_is_told(world):
    answer = world.engine.recommend("ada")
    with pytest.raises(InputError, match="earlier coldframe"):
        replayed(world, tampered(world, answer, asked=None))


# lots and counts


class BestSellers:
    """Four items by how well they sell, the third of them young; every second place is drawn, and won half the time."""

    def __init__(self, folder):
        self.store, self.registry = SQLiteStore(folder, Settings().store), Registry(folder / "bundles")
        nothing = Bags.empty(4)
        features = ItemFeatures(nothing, nothing, nothing, np.empty((4, 0), np.float32), np.zeros(4, np.int64))
        hybrid = Hybrid(
            (Popularity("popular-ever", "popular", np.arange(4, 0, -1).astype(np.float32)),),
            Blend(np.array([1, 0, 0], np.float32)),
            Calibration(np.ones(1, np.float32)),
            Retriever(4, 0),
            np.array([9, 9, 0, 9], np.int32),
        )
        model = ServedModel(Vocabulary(tuple("abcd")), (), features, hybrid, "allow", micros(NOW), Exposure(0.25, 2))
        self.registry.promote(self.registry.publish(*pack(model), created_at=NOW, nullable=NULLABLE))

    def asked(self, after):
        engine = Engine(self.store, self.registry, Settings(), clock=fixed_clock(NOW + after))
        engine.refresh()
        return engine.recommend("ada", n=2)

    def bought(self, *numbers):
        self.store.append_events(
            [
                Event(event_id=f"{n}", item_id="c", event_type="purchase", timestamp=NOW + n * DAY, user_id="bob")
                for n in numbers
            ]
        )


@pytest.fixture
def sellers(tmp_path):
    sellers = BestSellers(tmp_path)
    yield sellers
    sellers.store.close()


def test_a_slot_drawn_by_lot_comes_back_with_its_propensity(sellers):
    answers = [sellers.asked(timedelta(minutes=minute)) for minute in range(12)]
    assert {ids(answer) for answer in answers} == {"ab", "ac"}
    assert all(answer.items[1].propensity == 0.5 for answer in answers)
    sellers.bought(*range(1, 9))
    assert all(replayed(sellers, answer).same for answer in answers)
    won = next(answer for answer in answers if ids(answer) == "ac")
    kept = sellers.store.impression(won.recommendation_id)
    lots = msgspec.structs.replace(kept.slots, seed=(kept.slots.seed[0] + 1, kept.slots.seed[1]))
    assert replayed(sellers, tampered(sellers, won, slots=lots)).difference.what == "lots"


def test_what_was_counted_is_counted_again_and_nothing_that_came_later(sellers):
    young = sellers.asked(timedelta(0))
    sellers.bought(1, 2, 3, 4, 5, 6)
    grown = sellers.asked(timedelta(hours=1))
    assert (young.items[1].propensity, ids(grown), grown.items[1].propensity) == (0.5, "ab", 1.0)
    sellers.store.seal(before=NOW + 9 * DAY)
    assert replayed(sellers, young).same
    assert replayed(sellers, grown).same


def test_who_was_forgotten_since_is_a_reason(sellers):
    sellers.bought(1, 2, 3, 4, 5, 6)
    answer = sellers.asked(timedelta(hours=1))
    sellers.store.forget_user("bob", now=NOW + DAY)
    found = replayed(sellers, answer)
    assert (found.same, len(found.reasons)) == (False, 1)
    assert "1 users were forgotten" in found.reasons[0]
