"""Slots for young items: how many they get, what gives way, and that the propensities are those of the lots."""

import numpy as np
import pytest

from coldframe.scoring.exposure import Exposure, lot
from coldframe.scoring.request import History, Request

N = 60
SCORES = np.arange(N, 0, -1).astype(np.float32)
YOUNG = np.arange(N) >= 40


def asked(number):
    past = History(np.array([number], np.int32), np.ones(1, np.float32), np.array([1]))
    return Request(past, now=1_000_000 + number)


def lists(policy, *, n=10, requests=2_000, young=YOUNG):
    return [policy.slots(SCORES, young, n, asked(number)) for number in range(requests)]


def test_without_a_share_the_best_are_shown_for_certain():
    places, likely = Exposure(0.0).slots(SCORES, YOUNG, 10, asked(1))
    assert places.tolist() == list(range(10))
    assert likely.tolist() == [1.0] * 10


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_young_items_get_their_share_of_the_slots_and_the_best_of_them_first(share):
    shown = np.array([slots.places for slots in lists(Exposure(share))])
    assert YOUNG[shown].mean() == pytest.approx(share, rel=0.25)
    assert set(shown[YOUNG[shown]]) == {40}
    assert (shown[:, :9] == np.arange(9)).all()


def test_a_propensity_is_how_often_a_slot_was_given():
    drawn = lists(Exposure(0.03))
    for place in (9, 40):
        shown = [place in slots.places for slots in drawn]
        told = {float(slots.propensities[9]) for slots, seen in zip(drawn, shown, strict=True) if seen}
        assert sorted(told) == pytest.approx([np.mean(shown)], abs=0.05)
    assert {float(likely) for slots in drawn for likely in slots.propensities[:9]} == {1.0}


def test_the_same_request_gets_the_same_list_and_a_longer_list_begins_with_it():
    policy = Exposure(0.05)
    for number in range(100):
        short, long = (policy.slots(SCORES, YOUNG, n, asked(number)) for n in (10, 35))
        again = policy.slots(SCORES, YOUNG, 10, asked(number))
        assert short.places.tolist() == again.places.tolist() == long.places[:10].tolist()
        assert len(set(long.places.tolist())) == 35


def test_a_policy_and_its_seed_are_enough_to_draw_the_lots_again():
    policy = Exposure(0.05)
    for number in range(200):
        kept = policy.policy(asked(number))
        chance = min(1.0, kept.share * kept.every)
        won = lot(kept.seed, 0) < chance
        slots = policy.slots(SCORES, YOUNG, 10, asked(number))
        assert (slots.places[9] == 40) == won
        assert slots.propensities[9] == pytest.approx(chance if won else 1 - chance)
    assert Exposure(0.0).policy(asked(1)) is None


def test_who_gives_way_comes_next():
    taken = next(slots for slots in lists(Exposure(0.05), n=20) if slots.places[9] == 40)
    assert taken.places[10] == 9


def test_a_place_that_a_young_item_earned_is_its_share():
    young = np.arange(N) == 3
    assert all(slots.places.tolist() == list(range(10)) for slots in lists(Exposure(0.1), young=young, requests=50))


def test_a_list_shorter_than_a_page_and_a_catalogue_without_young_items_give_nothing_away():
    assert all(slots.places.tolist() == [0, 1, 2] for slots in lists(Exposure(0.1), n=3, requests=50))
    none = np.zeros(N, np.bool_)
    assert all(slots.propensities.tolist() == [1.0] * 10 for slots in lists(Exposure(0.1), young=none, requests=50))
    assert len(Exposure(0.1).slots(SCORES[:0], none[:0], 10, asked(1)).places) == 0
