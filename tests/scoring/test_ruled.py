"""Answers under rules: the whole way from a request to a list, on a model that a person can check by hand.

Twenty items in four categories by turns (row % 4), the higher the row the lower the score; the last six are young.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.dataset.training_set import Bags, ItemFeatures, Vocabulary
from coldframe.scoring.experts import Popularity
from coldframe.scoring.exposure import Exposure
from coldframe.scoring.hybrid import Hybrid, Retriever
from coldframe.scoring.mixing import Blend, Calibration
from coldframe.scoring.request import History, Request
from coldframe.scoring.ruled import alikeness, ruled_answer
from coldframe.scoring.rules import Boost, Cap, Pin, Rules
from coldframe.scoring.served import ServedModel

N, KINDS = 20, 4
SCORES = np.linspace(2, 0.1, N).astype(np.float32)
CATEGORY = Bags.of(np.arange(N), np.arange(N) % KINDS, n_rows=N, n_features=KINDS)


def model(*, candidates=N, share=0.0, every=10):
    nothing = Bags.empty(N)
    features = ItemFeatures(CATEGORY, nothing, nothing, np.empty((N, 0), np.float32), np.zeros(N, np.int64))
    hybrid = Hybrid(
        (Popularity("popular", "popular", SCORES),),
        Blend(np.array([1, 0, 0], np.float32)),
        Calibration(np.ones(1, np.float32)),
        Retriever(candidates, 0),
        np.where(np.arange(N) < N - 6, 100, 1).astype(np.int32),
    )
    items = Vocabulary(tuple(f"i-{row}" for row in range(N)))
    return ServedModel(items, (), features, hybrid, "allow", 0, Exposure(share, every))


def boost(rows, factor, name="boost:b"):
    return Boost(name, np.isin(np.arange(N), rows), factor)


def cap(most, name="cap:category"):
    return Cap(name, CATEGORY, most)


def rows_of(ruled):
    return ruled.answer.items.tolist()


@pytest.mark.parametrize("candidates", [3, N])
@pytest.mark.parametrize("share", [0.0, 0.08])
def test_without_rules_it_is_the_usual_answer(candidates, share):
    served = model(candidates=candidates, share=share)
    for now in range(1, 40):
        past = History(np.array([1], np.int32), np.ones(1, np.float32), np.array([1]))
        request = Request(past, now=now, allowed=np.arange(N) != 2)
        usual, ruled = served.answer(request, 12), ruled_answer(served, request, 12, Rules())
        for one, other in zip(usual, ruled.answer, strict=True):
            assert np.array_equal(one, other)
        assert set(ruled.touched) == {()}


def test_a_boost_lifts_what_it_names_and_tells():
    ruled = ruled_answer(model(), Request(), 3, Rules(boosts=(boost([5], 3.0),)))
    assert rows_of(ruled) == [5, 0, 1]
    assert ruled.touched == (("boost:b",), (), ())
    assert ruled.answer.scores.tolist() == SCORES[[5, 0, 1]].tolist()


def test_a_boost_reaches_items_that_no_expert_would_have_named():
    assert rows_of(ruled_answer(model(candidates=3), Request(), 3, Rules(boosts=(boost([15], 1000),)))) == [15, 0, 1]


def test_a_boost_brings_nothing_back_that_is_not_allowed():
    allowed = np.arange(N) != 15
    rules = Rules(boosts=(boost([15], 100),), pins=(Pin(15, 0),))
    assert rows_of(ruled_answer(model(), Request(allowed=allowed), 3, rules)) == [0, 1, 2]


def test_a_factor_below_one_lowers():
    assert rows_of(ruled_answer(model(), Request(), 3, Rules(boosts=(boost([0, 1], 0.2),)))) == [2, 3, 4]


def test_a_cap_holds_and_tells_who_came_in():
    two = Request(allowed=np.isin(np.arange(N) % KINDS, [0, 1]))
    ruled = ruled_answer(model(), two, 4, Rules(caps=(cap(2),)))
    assert rows_of(ruled) == [0, 1, 4, 5]
    one = Request(allowed=np.isin(np.arange(N), [0, 4, 8, 1, 2]))
    ruled = ruled_answer(model(), one, 3, Rules(caps=(cap(1),)))
    assert (rows_of(ruled), ruled.touched) == ([0, 1, 2], ((), (), ()))
    crowd = Request(allowed=np.isin(np.arange(N), [0, 4, 8, 9]))
    ruled = ruled_answer(model(), crowd, 3, Rules(caps=(cap(2),)))
    assert (rows_of(ruled), ruled.touched) == ([0, 4, 9], ((), (), ("cap:category",)))


def test_a_capped_list_goes_on_behind_the_candidates():
    few = Request(allowed=np.isin(np.arange(N), [0, 4, 8, 12, 16, 17, 18]))
    assert rows_of(ruled_answer(model(candidates=3), few, 5, Rules(caps=(cap(1),)))) == [0, 17, 18]


def test_a_pin_stands_at_its_place_and_counts_under_a_cap():
    ruled = ruled_answer(model(), Request(), 4, Rules(pins=(Pin(16, 1), Pin(18, 9)), caps=(cap(1),)))
    assert rows_of(ruled) == [1, 16, 2, 3]
    assert ruled.touched == ((), ("pin",), (), ("cap:category",))
    assert ruled.answer.propensities.tolist() == [1, 1, 1, 1]


def test_variety_is_told():
    one = Request(allowed=np.isin(np.arange(N), [0, 4, 8, 9, 10]))
    ruled = ruled_answer(model(), one, 3, Rules(diversity=0.3))
    assert sorted(row % KINDS for row in rows_of(ruled)) == [0, 1, 2]
    assert {row: names for row, names in zip(rows_of(ruled), ruled.touched, strict=True) if names} == {
        9: ("diversity",),
        10: ("diversity",),
    }


def test_items_of_no_common_space_are_alike_by_their_category():
    assert alikeness(model(), np.array([0, 4, 5])).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_young_items_get_their_slots_and_a_propensity_under_rules():
    served, rules = model(share=0.1), Rules(boosts=(boost([3], 1.01),))
    lists = [ruled_answer(served, Request(now=now), 10, rules).answer for now in range(1, 200)]
    won = [answer for answer in lists if answer.items[9] == 14]
    assert len(won) == len(lists)  # share x every is 1: every list has its young item
    served = model(share=0.05)
    lists = [ruled_answer(served, Request(now=now), 10, rules).answer for now in range(1, 400)]
    assert np.mean([answer.items[9] == 14 for answer in lists]) == pytest.approx(0.5, abs=0.1)
    assert {float(answer.propensities[9]) for answer in lists} == {0.5}


def test_a_young_item_takes_no_slot_that_a_cap_forbids():
    rows = np.array([0, 14])
    with_the_best = Cap("cap:tag", Bags.of(rows, np.zeros(2, np.int64), n_rows=N, n_features=1), 1)
    answer = ruled_answer(model(share=0.1), Request(now=1), 10, Rules(caps=(with_the_best,))).answer
    assert answer.items.tolist() == [*range(9), 15]


sets = st.sets(st.integers(0, N - 1), max_size=8)


@given(
    st.sets(st.integers(0, N - 1)),
    st.integers(1, N + 5),
    st.permutations(range(N)).map(lambda rows: dict(zip(rows[:3], rows[3:6], strict=True))),
    st.lists(st.builds(boost, sets.map(sorted), st.sampled_from([0.1, 0.9, 1.3, 50.0])), max_size=2),
    st.none() | st.integers(1, 3),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.sampled_from([0.0, 0.05]),
    st.sampled_from([2, N]),
)
def test_whatever_the_rules_a_list_is_of_allowed_items_each_once(allowed, n, pins, boosts, most, variety, share, few):
    mask = np.isin(np.arange(N), list(allowed))
    caps = () if most is None else (cap(most),)
    rules = Rules(tuple(Pin(row, place) for row, place in pins.items()), tuple(boosts), caps, variety)
    ruled = ruled_answer(model(candidates=few, share=share, every=4), Request(now=7, allowed=mask), n, rules)
    found = rows_of(ruled)
    assert len(set(found)) == len(found) <= n
    assert set(found) <= allowed
    assert len(ruled.touched) == len(found) == len(ruled.answer.propensities)
    assert ((ruled.answer.propensities > 0) & (ruled.answer.propensities <= 1)).all()
    unpinned = [row for row, names in zip(found, ruled.touched, strict=True) if "pin" not in names]
    if most is None:
        assert len(found) == min(n, len(allowed))
    else:
        assert np.bincount(np.array(unpinned, np.int64) % KINDS, minlength=KINDS).max() <= most
        if len(found) < n:
            counts = np.bincount(np.array(found, np.int64) % KINDS, minlength=KINDS)
            assert all(counts[row % KINDS] >= most for row in allowed - set(found))
