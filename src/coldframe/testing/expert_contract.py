"""What every expert must do, as tests: a subclass gives a fitted `expert` and a `question`, and runs them all.

Owns the promises of `scoring.request.Expert` in a form that can be checked. Knows no kind of expert.

    class TestMine(ExpertContract):
        @pytest.fixture
        def expert(self):
            return fit_mine(workshop)

        @pytest.fixture
        def question(self):
            return Request(history, now, signed_up_at, attributes, item_counts=counts)
"""
# ruff: noqa: S101

from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest

from coldframe.dataset.training_set import DAY_US, NEVER, Floats
from coldframe.scoring.codec import assemble, disassemble
from coldframe.scoring.experts import KINDS
from coldframe.scoring.kernel import Wanted
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import Expert, History, Request

MANY = 100_000


class ExpertContract:
    """All promises. `question` is one on which the expert can say something, with a past and with `item_counts`."""

    kinds: tuple[type, ...] = KINDS
    """What the expert may be assembled as."""

    def test_it_gives_one_float32_per_item(self, expert: Expert, question: Request) -> None:
        """And says something: NaN stands for what it cannot say, never infinity."""
        scores = expert.score(question)
        assert scores.dtype == np.float32
        assert scores.shape == (n_items(question),)
        assert np.isfinite(scores).any()
        assert not np.isinf(scores).any()

    def test_it_says_what_it_rests_on(self, expert: Expert) -> None:
        """A name and a family."""
        assert expert.name
        assert expert.family in {"collaborative", "content", "popular"}

    def test_it_says_the_same_again(self, expert: Expert, question: Request) -> None:
        """Whatever it was asked in between."""
        before = expert.score(question).copy()
        expert.score(Request(now=question.now))
        assert same(expert.score(question), before)

    def test_it_writes_nothing_into_a_request(self, expert: Expert, question: Request) -> None:
        """Its arrays may be shared, or mapped from a file."""
        assert same(expert.score(locked(question)), expert.score(question))

    def test_its_opinion_is_its_scores(self, expert: Expert, question: Request) -> None:
        """In full and of some items, to the bit, whatever is known of the user."""
        for asked in (question, Request(now=question.now), Request(question.history, question.now)):
            opinion, scores = expert.opinion(asked), expert.score(asked)
            some = np.arange(n_items(question), dtype=np.int32)[::-2]
            assert same(opinion.scores(), scores)
            assert same(opinion.of(some), scores[some])
            assert opinion.of(some[:0]).shape == (0,)
            assert opinion.spoke == bool(np.isfinite(scores).any())

    @pytest.mark.parametrize("k", [1, 3, 1_000])
    def test_its_best_are_those_of_its_scores(self, expert: Expert, question: Request, k: int) -> None:
        """Among all, among some, among none; what it cannot say is never among them."""
        n = n_items(question)
        masks = [np.ones(n, np.bool_), np.arange(n) % 3 > 0, np.zeros(n, np.bool_)]
        for asked in (question, Request(now=question.now), Request(question.history, question.now)):
            scores = expert.score(asked)
            found = expert.opinion(asked).best([Wanted(mask, k) for mask in masks], question.now)
            for rows, mask in zip(found, masks, strict=True):
                right = best_rows(np.flatnonzero(mask & ~np.isnan(scores)), scores, k, question.now)
                assert rows.dtype == np.int32
                assert rows.tolist() == right.tolist()

    def test_what_is_allowed_is_not_its_business(self, expert: Expert, question: Request) -> None:
        """The mask chooses candidates; scores stay as they are."""
        nothing = replace(question, allowed=np.zeros(n_items(question), np.bool_))
        assert same(expert.score(nothing), expert.score(replace(question, allowed=None)))

    def test_it_knows_ages_not_dates(self, expert: Expert, question: Request) -> None:
        """The same story a year later has the same scores."""
        assert same(expert.score(moved(question, 365 * DAY_US)), expert.score(question))

    def test_a_stranger_gets_silence_or_what_everybody_gets(self, expert: Expert, question: Request) -> None:
        """Without past, attributes and sign-up an expert has nothing to go by but the shop."""
        stranger = replace(question, history=History.empty(), attributes=np.empty(0, np.int32), signed_up_at=NEVER)
        scores = expert.score(stranger)
        assert np.isnan(scores).all() or same(scores, expert.score(replace(stranger, history=question.history)))

    def test_a_past_is_enough(self, expert: Expert, question: Request) -> None:
        """Somebody nobody trained on, who told us nothing, is scored by what he did; only popularity may need more."""
        scores = expert.score(Request(question.history, question.now))
        assert not np.isinf(scores).any()
        assert expert.family == "popular" or np.isfinite(scores).any()

    def test_any_item_may_be_a_past(self, expert: Expert, question: Request) -> None:
        """Also one that nobody ever took, and one of which nothing is known."""
        for row in range(n_items(question)):
            past = History(np.array([row], np.int32), np.ones(1, np.float32), np.array([question.now - DAY_US]))
            assert not np.isinf(expert.score(replace(question, history=past))).any()

    @pytest.mark.parametrize("rule", ["many", "one item", "one moment", "disliked", "worth nothing", "worth much"])
    def test_no_past_makes_it_infinite(self, expert: Expert, question: Request, rule: str) -> None:
        """100,000 events, whatever they are."""
        scores = expert.score(replace(question, history=extreme(rule, n_items(question), question.now)))
        assert scores.dtype == np.float32
        assert not np.isinf(scores).any()

    def test_disliked_items_alone_are_no_past(self, expert: Expert, question: Request) -> None:
        """They say what to avoid, not what to show."""
        disliked = replace(question.history, weight=-np.abs(question.history.weight))
        assert same(
            expert.score(replace(question, history=disliked)), expert.score(replace(question, history=History.empty()))
        )

    def test_it_crosses_to_serving_unchanged(self, expert: Expert, question: Request) -> None:
        """As arrays and JSON, and answers the very same."""
        arrays, plain = disassemble(expert, expert.name)
        mapped = {name: _locked(array) for name, array in arrays.items()}
        served = assemble(self.kinds, mapped, msgspec.json.decode(msgspec.json.encode(plain)), expert.name)
        assert type(served) is type(expert)
        assert same(served.score(question), expert.score(question))


def same(one: Floats, other: Floats) -> bool:
    """Return whether two experts' scores are the same numbers, NaN in the same places."""
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)


def n_items(question: Request) -> int:
    """Return the size of the catalogue that a question with counts is about."""
    assert question.item_counts is not None
    return len(question.item_counts)


def locked(question: Request) -> Request:
    """Return a copy of a question whose arrays refuse to be written."""
    values: dict[str, Any] = {field.name: _locked(getattr(question, field.name)) for field in fields(Request)}
    values["history"] = History(*(_locked(getattr(question.history, field.name)) for field in fields(History)))
    return Request(**values)


def moved(question: Request, by: int) -> Request:
    """Return a question with every time in it `by` µs later."""
    past = replace(question.history, timestamp=question.history.timestamp + by)
    signed_up_at = question.signed_up_at if question.signed_up_at == NEVER else question.signed_up_at + by
    return replace(question, history=past, now=question.now + by, signed_up_at=signed_up_at)


def extreme(rule: str, items: int, now: int) -> History:
    """Return a past of 100,000 events, a minute apart and each on another item unless the rule says otherwise."""
    ages = np.zeros(MANY, np.int64) if rule == "one moment" else np.arange(MANY, 0, -1)
    weights = {"disliked": -1.0, "worth nothing": 0.0, "worth much": 1e30}
    rows = np.zeros(MANY) if rule == "one item" else np.arange(MANY) % items
    weight = np.full(MANY, weights.get(rule, 1.0), np.float32)
    return History(rows.astype(np.int32), weight, now - DAY_US - 60_000_000 * ages)


def _locked(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    copied: Any = value.copy()
    copied.setflags(write=False)
    return copied
