"""Lists in pages: nothing twice, nothing left out, whoever asks and whatever happens between."""

from dataclasses import replace
from datetime import timedelta

import pytest
from engine_world import NOW, ids
from hypothesis import given
from hypothesis import strategies as st

from coldframe.clock import fixed_clock
from coldframe.dataset.training_set import Vocabulary, micros
from coldframe.domain import Item
from coldframe.errors import ExpiredError, InputError
from coldframe.serving import pages
from coldframe.serving.engine import Engine
from coldframe.serving.pages import MarkedRows, Page, first_page, marks_of, next_page
from coldframe.serving.terms import Terms
from coldframe.settings import Settings

PAGES = Terms(pages=True)
LIMITS = Settings().recommend
MINUTE = 60_000_000
MOMENT = micros(NOW)


def after(answer):
    assert answer.next is not None
    return Terms(next=answer.next)


def at(world, later):
    engine = Engine(world.store, world.registry, Settings(), clock=fixed_clock(NOW + later))
    engine.refresh()
    return engine


# whole lists


def test_pages_together_are_the_whole_list(world):
    first = world.engine.recommend("ada", n=2, terms=PAGES)
    second = world.engine.recommend("ada", terms=after(first))
    third = world.engine.recommend("ada", terms=after(second))
    assert [ids(page) for page in (first, second, third)] == ["ed", "cb", "a"]
    assert third.next is None
    assert third.notes == ("1 of 2 items: no more may be shown.",)


def test_a_page_may_have_another_size(world):
    first = world.engine.recommend("ada", n=1, terms=PAGES)
    second = world.engine.recommend("ada", n=3, terms=after(first))
    assert ids(second) == "dcb"
    assert ids(world.engine.recommend("ada", terms=after(second))) == "a"


def test_events_between_two_pages_count_and_bring_nothing_back(world):
    first = world.engine.recommend("ada", n=2, terms=PAGES)
    world.did("ada", "e", ago=timedelta(0))
    world.did("ada", "a", ago=timedelta(0))
    assert ids(world.engine.recommend("ada", terms=after(first))) == "cb"


def test_a_page_goes_on_over_a_change_of_bundles(world):
    first = world.engine.recommend("ada", n=2, terms=PAGES)
    world.publish(popularity={"a": 0.9})
    world.engine.refresh()
    assert ids(world.engine.recommend("ada", terms=after(first))) == "ac"


def test_another_worker_goes_on(world):
    other = world.new_engine()
    other.refresh()
    assert ids(other.recommend("ada", terms=after(world.engine.recommend("ada", n=2, terms=PAGES)))) == "cb"


def test_what_was_asked_of_the_first_page_holds_for_all(world):
    world.store.upsert_items([Item(item_id="c", categories=("lamps",), numeric={"price": 1.0})])
    terms = Terms(filter="not price > 0", pages=True)
    first = world.engine.recommend("ada", n=1, exclude=["d"], category=None, terms=terms)
    second = world.engine.recommend("ada", n=5, terms=after(first))
    assert (ids(first), ids(second)) == ("e", "ba")
    lamps = world.engine.recommend("ada", n=1, category="lamps", terms=PAGES)
    assert ids(world.engine.recommend("ada", n=5, terms=after(lamps))) == "ba"


def test_a_visitor_goes_on_by_session(world):
    first = world.engine.recommend_anonymous([], {}, n=2, session_id="s", terms=PAGES)
    assert ids(world.engine.recommend_anonymous([], {}, session_id="s", terms=after(first))) == "cb"
    for other in ("t", None):
        with pytest.raises(InputError, match="no token"):
            world.engine.recommend_anonymous([], {}, session_id=other, terms=after(first))


def test_several_users_have_pages_of_their_own(world):
    answers = world.engine.recommend_many(["ada", "bob"], n=2, terms=PAGES)
    for user, answer in zip(("ada", "bob"), answers, strict=True):
        assert ids(world.engine.recommend(user, terms=after(answer))) == "cb"


def test_without_pages_there_is_no_token(world):
    assert world.engine.recommend("ada", n=2).next is None


def test_an_impression_says_which_page_it_was(world):
    first = world.engine.recommend("ada", n=2, scenario="home", terms=PAGES)
    second = world.engine.recommend("ada", terms=after(first))
    third = world.engine.recommend("ada", terms=after(second))
    world.store.flush()
    kept = {each.recommendation_id: each for each in world.store.impressions()}
    found = [kept[page.recommendation_id] for page in (first, second, third)]
    assert [(each.first, each.offset, each.scenario) for each in found] == [
        (None, 0, "home"),
        (first.recommendation_id, 2, "home"),
        (first.recommendation_id, 4, "home"),
    ]


# tokens that are not good


def test_a_token_is_good_for_its_minutes(world):
    token = after(world.engine.recommend("ada", n=2, terms=PAGES))
    assert ids(at(world, timedelta(minutes=59)).recommend("ada", terms=token)) == "cb"
    for later in (timedelta(minutes=60), -timedelta(seconds=1)):
        with pytest.raises(ExpiredError, match="older than 60 minutes"):
            at(world, later).recommend("ada", terms=token)


def test_another_user_s_token_is_refused(world):
    token = after(world.engine.recommend("ada", n=2, terms=PAGES))
    with pytest.raises(InputError, match="no token"):
        world.engine.recommend("bob", terms=token)


@pytest.mark.parametrize("token", ["", "x", "å", "AAAA", "A" * 100, "=" * 8, "%%%", "\x00"])
def test_what_is_no_token_is_refused(token):
    with pytest.raises(InputError, match="no token"):
        next_page(token, "user ada", None, MOMENT, LIMITS)


def test_beside_a_token_nothing_else_is_said(world):
    token = world.engine.recommend("ada", n=2, terms=PAGES).next
    with pytest.raises(InputError, match="beside other terms"):
        Terms(filter="price < 3", next=token)
    for asked in ({"exclude": ["a"]}, {"category": "lamps"}):
        with pytest.raises(InputError, match="beside other terms"):
            world.engine.recommend("ada", terms=Terms(next=token), **asked)


def token_of(page=None, *, shown=("a", "b")):
    token = (page or Page("user ada", 2)).following("r-1", shown, MOMENT)
    assert token is not None
    return token


@given(st.integers(0), st.integers(1, 255))
def test_a_token_that_was_touched_is_refused(at, change):
    raw = bytearray(pages.urlsafe_b64decode(token_of() + "=="))
    raw[at % len(raw)] ^= change
    spoiled = pages.urlsafe_b64encode(bytes(raw)).decode()
    with pytest.raises(InputError):
        next_page(spoiled, "user ada", None, MOMENT, LIMITS)


terms = st.builds(
    Terms,
    filter=st.none() | st.just("price < 3"),
    pin=st.dictionaries(st.text(max_size=5), st.integers(1, 99), max_size=1),
    boost=st.just({}) | st.just({"tag = 'é'": 1.5}),
    cap=st.just({}) | st.just({"category": 2}),
    diversity=st.none() | st.floats(0, 1),
)
names = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=30)


@given(terms, names, names.filter(lambda shown: len(set(shown)) == len(shown)), st.none() | st.text("ab", min_size=1))
def test_a_token_says_again_what_it_was_given(own, left_out, shown, category):
    page = first_page("user ada", max(1, len(shown)), left_out, category, own, "home")
    token = page.following("r-1", shown, MOMENT)
    if not shown:
        assert token is None
        return
    found = next_page(token, "user ada", None, MOMENT + MINUTE, LIMITS)
    assert (found.n, found.category, found.terms, found.scenario) == (len(shown), category, own, "home")
    assert (found.offset, found.first) == (len(shown), "r-1")
    assert found.marks.tolist() == marks_of([*left_out, *shown]).tolist()


def test_a_token_made_by_hand_gets_no_more_than_a_request_may_ask():
    too_many = [str(number) for number in range(LIMITS.max_n + 1)]
    with pytest.raises(InputError, match="no token"):
        next_page(token_of(Page("user ada", len(too_many)), shown=too_many), "user ada", None, MOMENT, LIMITS)
    with pytest.raises(InputError, match="scenario"):
        next_page(token_of(replace(Page("user ada", 2), scenario="x" * 513)), "user ada", None, MOMENT, LIMITS)


def test_a_list_ends_where_pages_can_remember_no_more(monkeypatch):
    monkeypatch.setattr(pages, "MAX_MARKS", 3)
    page = first_page("user ada", 2, ["x"], None, Terms(), "default")
    second = next_page(page.following("r-1", ["a", "b"], MOMENT), "user ada", None, MOMENT, LIMITS)
    assert second.following("r-2", ["c", "d"], MOMENT) is None
    with pytest.raises(InputError, match="remember at most 3"):
        first_page("user ada", 2, list("abcd"), None, Terms(), "default")


# marks


@given(st.lists(st.text(max_size=6), unique=True), st.lists(st.text(max_size=6)))
def test_marks_find_the_rows_of_their_items(known, wanted):
    rows = MarkedRows(Vocabulary(tuple(known))).of(marks_of(wanted))
    assert {known[row] for row in rows} >= set(known) & set(wanted)


def test_a_mark_of_several_items_finds_them_all(monkeypatch):
    monkeypatch.setattr(pages, "crc32", lambda raw: len(raw))
    rows = MarkedRows(Vocabulary(("aa", "b", "cc"))).of(marks_of(["zz"]))
    assert sorted(rows.tolist()) == [0, 2]
