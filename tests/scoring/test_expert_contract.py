"""Every expert that there is keeps the contract; experts that break it are found out."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from coldframe.dataset.training_set import DAY_US
from coldframe.models.fits import EXPERTS, fit_experts
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Popularity
from coldframe.scoring.opinion import SpeaksInFull
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import History, Request
from coldframe.testing.expert_contract import ExpertContract
from coldframe.testing.shop import quick_settings, shop

SETTINGS = quick_settings(repeat={"least_share": 0.0})


@cache
def workshop():
    """Forty days of a shop in which some of forty items were never sold."""
    return Workshop(shop(n_users=60, n_items=40, days=40, visits=5).training_set(SETTINGS), SETTINGS)


@cache
def experts():
    return {expert.name: expert for expert in fit_experts(workshop())}


@cache
def somebody():
    """The one with the longest past, two days after the end."""
    known = workshop().training_set
    user = int(np.bincount(known.interactions.user).argmax())
    own = known.interactions.where(known.interactions.user == user)
    return Request(
        History(own.item, own.weight, own.timestamp),
        known.as_of + 2 * DAY_US,
        int(known.user_features.signed_up_at[user]),
        known.user_features.attributes.row(user),
        item_counts=workshop().counts + np.arange(known.n_items, dtype=np.int32) % 3,
    )


def test_the_world_teaches_every_expert():
    assert list(experts()) == list(EXPERTS)
    assert (workshop().counts == 0).any()


class TestEveryExpert(ExpertContract):
    @pytest.fixture(params=list(EXPERTS))
    def expert(self, request):
        return experts()[request.param]

    @pytest.fixture
    def question(self):
        return somebody()


@dataclass(frozen=True)
class Odd(SpeaksInFull):
    """An expert that is its past's count plus a quirk."""

    quirk: str
    name: str = "odd"
    family: str = "collaborative"

    def score(self, request):
        n = len(request.item_counts) if request.item_counts is not None else workshop().training_set.n_items
        scores = np.zeros(n, np.float32)
        past = Recall(cap=0.0).profile(request)
        scores[past.items] = past.weights
        with np.errstate(all="ignore"):
            return self.spoil(scores, request)

    def spoil(self, scores, request):
        past = request.history
        if self.quirk == "wide":
            return scores.astype(np.float64)
        if self.quirk == "infinite":
            return (scores * np.float32(1e38)) * np.float32(1e3)
        if self.quirk == "writes" and len(past):
            past.weight[0] = 1
        if self.quirk == "masks" and request.allowed is not None:
            return np.where(request.allowed, scores, np.float32(np.nan))
        if self.quirk == "dates":
            return scores + np.float32(request.now / 1e15)
        if self.quirk == "dislikes":
            np.add.at(scores, past.item, np.float32(-0.1) * (past.weight < 0))
        if self.quirk == "mute":
            return np.full(len(scores), np.nan, np.float32)
        return scores


@pytest.mark.parametrize(
    ("quirk", "test"),
    [
        ("wide", "test_it_gives_one_float32_per_item"),
        ("mute", "test_it_gives_one_float32_per_item"),
        ("infinite", "test_any_item_may_be_a_past"),
        ("writes", "test_it_writes_nothing_into_a_request"),
        ("masks", "test_what_is_allowed_is_not_its_business"),
        ("dates", "test_it_knows_ages_not_dates"),
        ("none", "test_a_stranger_gets_silence_or_what_everybody_gets"),
        ("mute", "test_a_past_is_enough"),
        ("dislikes", "test_disliked_items_alone_are_no_past"),
    ],
)
def test_an_expert_that_breaks_it_is_found_out(quirk, test):
    with pytest.raises((AssertionError, ValueError)):
        getattr(ExpertContract(), test)(Odd(quirk), somebody())


def test_a_codec_that_loses_something_is_found_out(monkeypatch):
    popular = Popularity("popular-ever", "popular", np.arange(40, dtype=np.float32))
    ExpertContract().test_it_crosses_to_serving_unchanged(popular, somebody())
    monkeypatch.setattr("coldframe.testing.expert_contract.disassemble", lambda part, prefix: lossy(part, prefix))
    with pytest.raises(AssertionError):
        ExpertContract().test_it_crosses_to_serving_unchanged(popular, somebody())


def lossy(part, prefix):
    from coldframe.scoring.codec import disassemble

    arrays, plain = disassemble(part, prefix)
    return {name: array.round(-1) for name, array in arrays.items()}, plain
