"""The recommender in process, against answers worked out by hand."""

from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from engine_world import NOW, ids
from hypothesis import given
from hypothesis import strategies as st

from coldframe import pacing
from coldframe.clock import fixed_clock
from coldframe.dataset.training_set import Vocabulary, micros
from coldframe.domain import Event, Item
from coldframe.errors import BundleError, InputError, UnknownIdError
from coldframe.serving.catalogue import CatalogueView
from coldframe.serving.changes import Kept
from coldframe.serving.engine import Engine
from coldframe.serving.requests import Person, moment_for, past_of
from coldframe.serving.terms import Terms
from coldframe.settings import ServingSettings, Settings

DAY = timedelta(days=1)


def kept(world):
    world.store.flush()
    return list(world.store.impressions())


# who asks


def test_a_stranger_gets_what_is_popular(world):
    answer = world.engine.recommend("nobody", n=3)
    assert (ids(answer), answer.level, answer.user_id) == ("edc", "popular", "nobody")
    assert [item.score for item in answer.items] == [0.5, 0.4, 0.3]
    assert answer.bundle == world.registry.promoted()
    assert world.engine.bundle_age_seconds == 0


def test_what_a_user_did_counts_at_once(world):
    world.did("ada", "a", ago=timedelta(0))
    answer = world.engine.recommend("ada")
    assert (ids(answer), answer.level) == ("cbaed", "content")
    assert answer.items[0].score == pytest.approx(1.3)
    assert answer.items[0].mixer_weights == pytest.approx({"content": 1 / 1.3, "popular": 0.3 / 1.3})


def test_events_weigh_what_the_settings_say(world):
    world.did("ada", "a", "view")
    assert world.engine.recommend("ada", n=1).items[0].score == pytest.approx(0.5)
    world.did("ada", "a", "click")
    assert world.engine.recommend("ada", n=1).items[0].score == pytest.approx(0.3 + 0.1 + 0.3)


def test_only_the_newest_events_are_read(world):
    world.did("ada", "a", ago=2 * DAY)
    world.did("ada", "d", ago=DAY)
    engine = world.new_engine(history=1)
    engine.refresh()
    assert ids(engine.recommend("ada")) == "edcba"


def test_an_event_on_an_item_that_the_bundle_does_not_know_says_nothing(world):
    world.did("ada", "unheard-of")
    assert ids(world.engine.recommend("ada")) == "edcba"


def test_a_visitor_is_known_by_what_the_caller_says(world):
    events = [Event(event_id="1", item_id="a", event_type="purchase", timestamp=NOW, session_id="s")]
    answer = world.engine.recommend_anonymous(events, {}, n=2, session_id="s")
    assert (ids(answer), answer.user_id) == ("cb", None)
    assert world.store.counts().events == 0
    assert ids(world.engine.recommend_anonymous([], {}, n=2)) == "ed"


def test_many_are_answered_as_one_would_be(world):
    for user, item in (("ada", "a"), ("bob", "d"), ("eve", "e")):
        world.did(user, item)
    users = ["ada", "bob", "eve", "nobody"]
    many = world.engine.recommend_many(users, n=4, exclude=["c"])
    assert [answer.items for answer in many] == [
        world.engine.recommend(user, n=4, exclude=["c"]).items for user in users
    ]
    assert len({answer.recommendation_id for answer in many}) == 4


@given(st.integers(-100, 100), st.lists(st.integers(-400, 0)), st.none() | st.integers(-400, 100))
def test_a_past_is_weighed_as_of_now_while_somebody_trains_and_as_of_the_log_s_end_after(age, days, sign_up):
    events = [
        Event(event_id="1", item_id="a", event_type="view", timestamp=NOW + day * DAY, user_id="u")
        for day in sorted(days)
    ]
    person = Person(past_of(events), {}, None if sign_up is None else NOW + sign_up * DAY)
    as_of, now = micros(NOW - age * DAY), micros(NOW)
    moment = moment_for(person, as_of, now)
    if age <= 30:
        assert moment == now
    else:
        known = [as_of, *(micros(event.timestamp) for event in events), micros(person.signed_up_at)]
        assert moment == min(now, max(known))


# what can be shown


@pytest.mark.parametrize(
    "item",
    [
        Item(item_id="e", available=False),
        Item(item_id="e", expires_at=NOW),
        Item(item_id="e", created_at=NOW + timedelta(microseconds=1)),
    ],
    ids=["unavailable", "expired", "not yet created"],
)
def test_what_cannot_be_had_is_not_shown(world, item):
    assert "e" in ids(world.engine.recommend("ada"))
    world.store.upsert_items([item])
    assert ids(world.engine.recommend("ada")) == "dcba"


def test_a_deleted_item_is_not_shown(world):
    world.store.delete_item("d")
    assert ids(world.engine.recommend("ada")) == "ecba"


def test_without_any_catalogue_every_item_of_the_bundle_can_be_shown(world):
    for item in "abcde":
        world.store.delete_item(item)
    assert ids(world.engine.recommend("ada")) == "edcba"


def test_after_a_change_only_what_changed_is_read(world, monkeypatch):
    def never():
        raise AssertionError("all of the catalogue is read again")

    lamps = Terms(filter='category = "lamps"')
    assert ids(world.engine.recommend("ada", terms=lamps)) == "cba"
    monkeypatch.setattr(world.store, "items", never)
    world.store.upsert_items([Item(item_id="e", categories=("mugs",), available=False)])
    assert world.engine.refresh() is False
    assert ids(world.engine.recommend("ada", terms=lamps)) == "cba"
    world.store.delete_item("c")
    assert ids(world.engine.recommend("ada", terms=lamps)) == "ba"


def test_the_catalogue_is_read_again_only_when_it_changed(world):
    catalogue = Kept(world.store, CatalogueView.empty(Vocabulary(tuple("abcde"))))
    before = catalogue.current()
    assert catalogue.current() is before
    world.store.upsert_items([Item(item_id="a", available=False)])
    assert catalogue.current().version > before.version
    assert catalogue.current() is catalogue.current()


def test_excluded_items_and_other_categories_are_left_out(world):
    assert ids(world.engine.recommend("ada", exclude=["e", "unheard-of"])) == "dcba"
    assert ids(world.engine.recommend("ada", category="lamps", exclude=["b"])) == "ca"
    assert ids(world.engine.recommend("ada", category="unheard-of")) == ""


@pytest.mark.parametrize(
    ("learned", "asked", "expected"),
    [
        ("allow", "auto", "cbaed"),
        ("exclude", "auto", "cbed"),
        ("allow", "exclude", "cbed"),
        ("exclude", "allow", "cbaed"),
    ],
)
def test_what_a_user_had_is_repeated_as_learned_or_as_asked(world, learned, asked, expected):
    world.did("ada", "a")
    world.publish(repeat=learned)
    engine = world.new_engine(repeat=asked)
    engine.refresh()
    assert ids(engine.recommend("ada")) == expected


def test_items_newer_than_the_bundle_are_counted_and_not_shown(world):
    assert world.engine.items_unknown_to_bundle == 0
    world.store.upsert_items([Item(item_id="new"), Item(item_id="newer", available=False)])
    assert world.engine.items_unknown_to_bundle == 1
    assert ids(world.engine.recommend("ada")) == "edcba"


# what is kept


def test_a_delivered_list_is_kept_as_it_was_shown(world):
    answer = world.engine.recommend("ada", n=2, scenario="home")
    (one,) = kept(world)
    assert (one.recommendation_id, one.items, one.scenario) == (answer.recommendation_id, ("e", "d"), "home")
    assert (one.user_id, one.session_id, one.timestamp) == ("ada", None, NOW)
    assert (one.bundle, one.level, one.propensities) == (answer.bundle, "popular", (1.0, 1.0))
    assert one.mixer_weights == tuple(item.mixer_weights for item in answer.items)


def test_a_visitors_list_is_kept_with_the_session(world):
    world.engine.recommend_anonymous([], {}, session_id="s-1", scenario="landing")
    (one,) = kept(world)
    assert (one.user_id, one.session_id, one.scenario) == (None, "s-1", "landing")


def test_what_nobody_will_see_is_not_kept(world):
    world.engine.recommend("ada", shown=False)
    silent = Engine(world.store, world.registry, replace(Settings(), serving=ServingSettings(log_impressions=False)))
    silent.refresh()
    silent.recommend("ada")
    assert kept(world) == []


# why, and what is near


def test_an_explanation_is_the_arithmetic_of_the_list(world):
    world.did("ada", "a", ago=3 * DAY)
    world.did("ada", "b", "view", ago=2 * DAY)
    world.did("ada", "a", ago=DAY)
    world.did("ada", "d", ago=DAY)
    world.did("ada", "c", "rating_1", ago=DAY)
    best = world.engine.recommend("ada", n=1).items[0]
    why = world.engine.explain("ada", best.item_id)
    assert (why.item_id, why.score, why.bundle) == ("c", best.score, world.registry.promoted())
    assert why.shares == pytest.approx(best.mixer_weights)
    assert [(r.item_id, r.event_type, r.timestamp) for r in why.because_of] == [
        ("a", "purchase", (NOW - DAY).isoformat()),
        ("b", "view", (NOW - 2 * DAY).isoformat()),
    ]
    assert why.warmth["user_interaction_count"] == 5


@pytest.mark.parametrize(("sign_up", "days"), [(10 * DAY, 10), (-DAY, 3), (None, 3)])
def test_days_since_sign_up_count_from_the_record_or_else_from_the_first_event(world, sign_up, days):
    world.did("ada", "a", ago=3 * DAY)
    world.signed_up("ada", None if sign_up is None else NOW - sign_up)
    counted = world.engine.explain("ada", "a").warmth["days_since_signup"]
    assert counted == pytest.approx(days)


def test_days_that_nobody_knows_are_none_and_not_a_number_that_json_has_not(world):
    assert world.engine.explain("nobody", "e").warmth["days_since_signup"] is None


def test_what_cannot_be_shown_can_still_be_explained(world):
    world.store.upsert_items([Item(item_id="e", available=False)])
    assert world.engine.explain("nobody", "e").score == 0.5


def test_similar_items_leave_out_what_cannot_be_had(world):
    assert [item.item_id for item in world.engine.similar_items("a", n=2)] == ["c", "b"]
    world.store.upsert_items([Item(item_id="c", available=False)])
    assert [item.item_id for item in world.engine.similar_items("a", n=2)] == ["b", "e"]


def test_an_item_that_the_bundle_does_not_know_is_told(world):
    for ask in (lambda: world.engine.explain("ada", "zz"), lambda: world.engine.similar_items("zz")):
        with pytest.raises(UnknownIdError, match="'zz'"):
            ask()


def test_a_list_of_nothing_is_refused(world):
    with pytest.raises(InputError, match="n is 0"):
        world.engine.recommend("ada", n=0)


# which bundle


def test_without_a_bundle_nothing_is_answered(world):
    engine = world.new_engine()
    assert (engine.bundle_id, engine.items_unknown_to_bundle, engine.bundle_age_seconds) == (None, 0, None)
    with pytest.raises(BundleError, match="No verified bundle"):
        engine.recommend("ada")


def test_an_engine_follows_what_is_promoted_and_back(world):
    first = world.engine.bundle_id
    assert world.engine.refresh() is False
    second = world.publish(popularity={"a": 0.9})
    assert world.engine.bundle_id == first
    assert world.engine.refresh() is True
    assert (world.engine.bundle_id, ids(world.engine.recommend("ada"))) == (second, "aedcb")
    world.registry.rollback()
    assert world.engine.refresh() is True
    assert (world.engine.bundle_id, ids(world.engine.recommend("ada"))) == (first, "edcba")


def test_a_bundle_is_opened_with_pauses_only_where_another_one_answers(world, monkeypatch):
    pauses = []
    monkeypatch.setattr(pacing, "STRETCH_SECONDS", 0.0)
    monkeypatch.setattr(pacing, "sleep", pauses.append)
    engine = world.new_engine()
    engine.refresh()
    assert pauses == []
    world.publish(popularity={"a": 0.9})
    engine.refresh()
    assert len(pauses) > 1


def test_a_damaged_bundle_is_refused_and_the_previous_one_keeps_serving(world, tmp_path):
    first = world.engine.bundle_id
    second = world.publish(popularity={"a": 0.9})
    array = tmp_path / "bundles" / second / "popularity.npy"
    array.write_bytes(array.read_bytes()[:-1])
    for _ in range(2):
        with pytest.raises(BundleError, match=second):
            world.engine.refresh()
    assert (world.engine.bundle_id, ids(world.engine.recommend("ada"))) == (first, "edcba")


def test_a_sound_bundle_without_a_model_is_refused_too(world):
    world.registry.promote(world.registry.publish({}, {}, created_at=NOW))
    with pytest.raises(BundleError, match="no model"):
        world.engine.refresh()
    assert ids(world.engine.recommend("ada")) == "edcba"


def test_answers_are_whole_while_bundles_and_the_catalogue_change(world):
    first = world.engine.bundle_id
    second = world.publish(popularity={"a": 0.9}, promote=False)
    expected = {first: {"edcba", "dcba"}, second: {"aedcb", "adcb"}}
    wrong, stop = [], []

    def ask():
        while not stop:
            answer = world.engine.recommend("nobody", shown=False)
            if ids(answer) not in expected[answer.bundle]:
                wrong.append(answer)

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        world.registry.promote((first, second)[turn % 2])
        world.engine.refresh()
        world.store.upsert_items([Item(item_id="e", available=bool(turn % 2), categories=("mugs",))])
    stop.append(True)
    for thread in threads:
        thread.join()
    assert wrong == []


def test_counts_grow_with_what_happens_and_are_read_every_ten_seconds(world):
    def counted():
        return world.engine._live.counts.current().of_row.tolist()

    fitted = counted()
    world.did("ada", "b", ago=timedelta(0))
    world.did("bob", "not in the bundle", ago=timedelta(0))
    world.engine.refresh()
    assert counted() == fitted
    world.engine._clock = fixed_clock(NOW + timedelta(seconds=11))
    world.engine.refresh()
    assert [now - then for now, then in zip(counted(), fitted, strict=True)] == [0, 1, 0, 0, 0]


def test_counts_are_read_again_when_the_clock_was_set_back(world):
    counted = world.engine._live.counts.current().of_row.tolist()
    world.did("ada", "b", ago=timedelta(0))
    world.engine._clock = fixed_clock(NOW - timedelta(hours=1))
    world.engine.refresh()
    assert world.engine._live.counts.current().of_row.tolist() != counted
