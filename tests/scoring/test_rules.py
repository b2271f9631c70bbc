"""What each rule does to an order, by hand and for any input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.dataset.training_set import Bags
from coldframe.scoring.diversity import diversified
from coldframe.scoring.rules import Boost, Cap, Room, boosted, capped, with_pins

N = 12
EVERYTHING = np.arange(N, dtype=np.int32)
numbers = st.floats(-1e6, 1e6, width=32) | st.floats(-2, 2, width=32) | st.just(0.0)
scores = st.lists(numbers, min_size=N, max_size=N).map(lambda values: np.array(values, np.float32))
groups = st.lists(st.sets(st.integers(0, 3), max_size=2), min_size=N, max_size=N)


def cap(groups, most, name="cap:category"):
    pairs = [(row, group) for row, own in enumerate(groups) for group in own]
    rows, features = (np.array([pair[at] for pair in pairs], np.int64) for at in (0, 1))
    return Cap(name, Bags.of(rows, features, n_rows=len(groups), n_features=4), most)


caps = st.lists(st.builds(cap, groups, st.integers(1, 3)), max_size=2)


def descending(values):
    return np.argsort(-values, kind="stable").tolist()


def held(cap, places):
    return np.bincount([group for place in places for group in cap.groups.row(place).tolist()], minlength=4)


# boosts


@given(scores, st.floats(0.001, 1000))
def test_a_factor_above_one_never_lowers_and_one_below_never_raises(values, factor):
    found = boosted(values, EVERYTHING, [Boost("b", np.arange(N) < 6, factor)])
    assert (found[6:] == values[6:]).all()
    assert ((found - values) * np.sign(factor - 1) >= 0).all()


@given(scores)
def test_among_the_boosted_the_order_stays(values):
    found = boosted(values, EVERYTHING, [Boost("b", np.ones(N, np.bool_), 1.7)])
    assert (np.diff(found[descending(values)]) <= 0).all()


@given(scores, st.floats(-50, 50), st.floats(0.01, 100))
def test_neither_zero_nor_unit_of_the_scores_matter(values, zero, unit):
    sale = [Boost("b", np.arange(N) < 6, 1.7)]
    moved = boosted((values * unit + zero).astype(np.float32), EVERYTHING, sale)
    size = max(1.0, float(np.abs(values).max()) * unit, abs(zero))
    if np.ptp(values) > 1e-3 * np.abs(values).max():
        assert moved == pytest.approx(boosted(values, EVERYTHING, sale) * unit + zero, abs=1e-5 * size)


def test_two_boosts_of_one_item_multiply():
    values, rows = np.array([2.0, 1.0], np.float32), np.array([0, 0])
    both = [Boost("a", np.array([True]), 2.0), Boost("b", np.array([True]), 1.5)]
    assert boosted(values, rows, both) == pytest.approx(boosted(values, rows, [Boost("c", np.array([True]), 3.0)]))


def test_equal_scores_are_told_apart_by_a_boost():
    assert descending(boosted(np.ones(3, np.float32), EVERYTHING[:3], [Boost("b", np.arange(3) == 2, 1.1)]))[0] == 2


# caps


@given(scores, caps, st.integers(0, N))
def test_a_capped_list_keeps_to_every_cap_and_leaves_out_nothing_it_could_hold(values, caps, n):
    order, room = descending(values), Room(caps)
    shown = capped(order, EVERYTHING, n, room)
    assert len(set(shown)) == len(shown) <= n
    assert all(held(each, shown).max() <= each.most for each in caps)
    assert [place for place in order if place in shown] == shown
    if len(shown) < n:
        assert not any(room.has(place) for place in set(order) - set(shown))


@given(caps, st.sets(st.integers(0, N - 1)))
def test_what_is_left_is_what_has_room(caps, taken):
    room = Room(caps, taken)
    left = room.left()
    assert (left is None) == (not caps)
    if left is not None:
        assert left.tolist() == [room.has(row) for row in range(N)]


def test_a_room_names_the_caps_that_refused():
    room = Room([cap([{0}, {0}, set()], 1, "one"), cap([set(), set(), set()], 1, "other")])
    assert (room.took(0), room.took(2), room.refused) == (True, True, ())
    assert (room.took(1), room.refused) == (False, ("one",))


# pins


@given(st.permutations(range(5)), st.sets(st.integers(0, 9), max_size=4))
def test_pins_stand_where_they_should_and_the_others_keep_their_order(shown, places):
    pins = [(100 + place, place) for place in places]
    found = with_pins(list(shown), pins)
    assert [each for each in found if each < 100] == list(shown)
    for before, place in enumerate(sorted(places)):
        assert found.index(100 + place) == min(place, len(shown) + before)


# diversity

ALIKE = np.where(np.arange(N)[:, None] % 3 == np.arange(N)[None, :] % 3, 1.0, 0.0).astype(np.float32)
"""Three kinds, by turns."""


def varied(values, budget, *, n=3, alike=ALIKE, caps=()):
    best = capped(descending(values), EVERYTHING, n, Room(caps))
    return best, diversified(best, range(N), values, alike, EVERYTHING, budget, lambda: Room(caps))


def test_variety_is_taken_where_it_is_cheap_and_not_where_it_is_dear():
    kinds = np.arange(N) % 3
    values = np.where(kinds == 0, 1.0, 0.9).astype(np.float32) - np.arange(N, dtype=np.float32) / 1_000
    best, found = varied(values, 0.1)
    assert kinds[best].tolist() == [0, 0, 0]
    assert sorted(kinds[found].tolist()) == [0, 1, 2]
    dear = np.where(kinds == 0, 1.0, 0.1).astype(np.float32)
    assert kinds[varied(dear, 0.1)[1]].tolist() == [0, 0, 0]


def test_without_a_budget_only_what_is_free_is_taken():
    values = np.ones(N, np.float32)
    best, found = varied(values, 0.0)
    assert best == [0, 1, 2]
    assert sorted(place % 3 for place in found) == [0, 1, 2]
    assert varied(np.arange(N, 0, -1).astype(np.float32), 0.0)[1] == [0, 1, 2]


alike = st.lists(st.floats(-1, 1, width=32), min_size=N * N, max_size=N * N).map(
    lambda values: np.array(values, np.float32).reshape(N, N)
)


@given(scores, st.floats(0, 1), st.integers(0, N), alike, caps)
def test_the_budget_and_the_caps_hold_for_any_input(values, budget, n, alike, caps):
    best, found = varied(values, budget, n=n, alike=alike, caps=caps)
    total, kept = (float(values[places].sum(dtype=np.float64)) for places in (best, found))
    assert total - kept <= budget * abs(total)
    assert len(found) == len(set(found)) == len(best)
    assert all(held(each, found).max(initial=0) <= each.most for each in caps)


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.5])
def test_a_larger_budget_never_gives_less_variety(budget):
    values = np.linspace(2, 1, N).astype(np.float32)
    kinds = [len({place % 3 for place in varied(values, share)[1]}) for share in (0.0, budget, 1.0)]
    assert kinds == sorted(kinds)
