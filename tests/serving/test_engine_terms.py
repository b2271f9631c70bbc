"""Lists under terms, on the tiny shop: e d c b a by popularity; a, b, c are lamps, d and e mugs."""

import pytest
from engine_world import ids

from coldframe.domain import Item
from coldframe.errors import InputError
from coldframe.serving.terms import Terms


@pytest.fixture
def world(world):
    """The same with a priced catalogue."""
    world.store.upsert_items(
        [priced(item, 10 * place, "lamps" if item in "abc" else "mugs") for place, item in enumerate("abcde")]
    )
    return world


def priced(item, price, category):
    return Item(item_id=item, categories=(category,), numeric={"price": float(price)})


def test_every_item_meets_the_filter(world):
    answer = world.engine.recommend("ada", n=2, terms=Terms(filter="price < 30"))
    assert (ids(answer), answer.notes) == ("cb", ())
    assert ids(world.engine.recommend_anonymous(None, {}, n=2, terms=Terms(filter="price < 30"))) == "cb"


def test_a_filter_narrows_what_category_and_exclude_leave(world):
    terms = Terms(filter="price > 0")
    assert ids(world.engine.recommend("ada", n=5, category="lamps", exclude=["c"], terms=terms)) == "b"


def test_a_list_that_is_short_says_so(world):
    answer = world.engine.recommend("ada", n=4, terms=Terms(filter='tag = "x" or item_id in ("a", "b")'))
    assert (ids(answer), answer.notes) == ("ba", ("2 of 4 items: no more may be shown.",))
    assert world.engine.recommend("ada", n=6).notes == ("5 of 6 items: no more may be shown.",)
    assert world.engine.recommend("ada", n=5).notes == ()


def test_a_name_that_no_item_has_is_told(world):
    answer = world.engine.recommend("ada", n=5, terms=Terms(filter="not pric < 30"))
    assert (ids(answer), answer.notes) == ("edcba", ("No item has 'pric', which a filter or a rule names.",))


def test_a_filter_sees_an_item_change(world):
    terms = Terms(filter="price < 30")
    assert ids(world.engine.recommend("ada", terms=terms)) == "cba"
    world.store.upsert_items([priced("e", 5, "mugs")])
    assert ids(world.engine.recommend("ada", terms=terms)) == "ecba"


def test_a_filter_never_shows_what_cannot_be_shown(world):
    world.store.upsert_items([Item(item_id="e", available=False, numeric={"price": 1.0})])
    assert ids(world.engine.recommend("ada", terms=Terms(filter="price < 15"))) == "ba"


def test_one_list_s_filter_does_not_touch_the_next_list(world):
    world.engine.recommend("ada", terms=Terms(filter="price < 30"))
    assert ids(world.engine.recommend("ada")) == "edcba"


def test_a_wrong_filter_is_refused_before_anything_is_asked():
    with pytest.raises(InputError, match="at character 8"):
        Terms(filter="price <")


def test_nothing_is_read_of_the_catalogue_before_the_first_condition(world):
    world.engine.recommend("ada")
    assert world.engine._live.attributes._kept is None
