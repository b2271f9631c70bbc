"""From scores to lists: candidates only, ties by lot, missing scores last, one at a time or together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from worlds import Fixed, Watching, bare, plan

from coldframe.clock import generator
from coldframe.errors import InputError
from coldframe.evaluation import RandomScorer, published_split, top_k
from coldframe.evaluation.asking import scores_of
from coldframe.evaluation.lists import AT_ONCE, rank_everything
from coldframe.evaluation.ranking import request_key
from coldframe.scoring.request import Request

SCORES = hnp.arrays(np.float32, 12, elements=st.sampled_from([0.0, 0.5, 1.0, float("nan")]))
MASKS = hnp.arrays(np.bool_, 12)


@given(SCORES, MASKS, st.integers(0, 2**64 - 1))
def test_a_list_is_a_prefix_of_a_longer_one(scores, allowed, key):
    fallback = np.arange(12, dtype=np.float32)
    longer = top_k(scores, 12, key=key, allowed=allowed, fallback=fallback).items
    for k in range(1, 12):
        assert top_k(scores, k, key=key, allowed=allowed, fallback=fallback).items.tolist() == longer[:k].tolist()


@given(SCORES, MASKS, st.integers(0, 2**64 - 1))
def test_a_list_holds_candidates_once_best_first_and_the_unscored_last(scores, allowed, key):
    found = top_k(scores, 12, key=key, allowed=allowed, fallback=np.zeros(12, np.float32))
    items = found.items[found.items >= 0]
    assert sorted(items) == np.flatnonzero(allowed).tolist()
    ranked = scores[items]
    assert not np.isnan(ranked[: found.n_scored]).any()
    assert np.isnan(ranked[found.n_scored :]).all()
    assert (np.diff(ranked[: found.n_scored]) <= 0).all()


def test_ties_favour_no_row():
    first = [top_k(np.zeros(50, np.float32), 1, key=request_key(0, f"user {n}", 7)).items[0] for n in range(5000)]
    counts = np.bincount(first, minlength=50)
    assert counts.min() > 60
    assert counts.max() < 145  # 100 each, give or take 4.5 standard deviations


def test_ties_at_the_edge_of_the_list_favour_no_row():
    scores = np.array([1.0] + [0.5] * 20, np.float32)
    seconds = [top_k(scores, 2, key=request_key(1, f"user {n}", 7)).items[1] for n in range(4000)]
    assert np.bincount(seconds, minlength=21)[1:].min() > 130


def test_a_lot_depends_on_user_time_and_seed_and_on_nothing_else():
    keys = {request_key(seed, user, now) for seed in (0, 1) for user in ("a", "b") for now in (1, 2)}
    assert len(keys) == 8
    assert request_key(0, "a", 1) == request_key(0, "a", 1)


def test_no_candidate_gives_an_empty_list():
    found = top_k(np.ones(3, np.float32), 2, key=0, allowed=np.zeros(3, np.bool_))
    assert (found.items.tolist(), found.n_scored) == ([-1, -1], 0)


@pytest.mark.parametrize("other", ["allowed", "fallback"])
def test_arrays_of_other_lengths_are_refused(other):
    with pytest.raises(InputError, match="scores, but"):
        top_k(np.ones(3, np.float32), 2, key=0, **{other: np.ones(4, np.bool_ if other == "allowed" else np.float32)})


def world(n_users=AT_ONCE + 30, n_items=40):
    random = generator(0, "lists")
    pairs = [(f"u{u:03d}", f"i{i:02d}") for u in range(n_users) for i in random.choice(n_items, 5, replace=False)]
    return plan(published_split(bare(*pairs[::2]), bare(*pairs[1::2])))


class Taste:
    """A different vector for every history, as a single product or as one of many."""

    def __init__(self, n_items, name="taste"):
        self.name, self.matrix = name, generator(1, "taste").random((n_items, n_items)).astype(np.float32)

    def score(self, request):
        return self.matrix[request.history.item].sum(axis=0)


class TasteTogether(Taste):
    def __init__(self, n_items):
        super().__init__(n_items, "together")
        self.calls = []

    def score_batch(self, requests):
        self.calls.append(len(requests))
        bags = np.zeros((len(requests), len(self.matrix)), np.float32)
        for row, request in enumerate(requests):
            bags[row, request.history.item] = 1
        return bags @ self.matrix


def test_a_batch_ranks_as_single_requests_do():
    made = world()
    together = TasteTogether(made.training_set.n_items)
    scorers = {"taste": Taste(made.training_set.n_items), "together": together}
    asked = rank_everything(made, scorers, ks=[10], seed=0)
    views, seconds = asked.views, asked.seconds
    ranked = views["overall"].ranked
    assert (ranked["taste"] == ranked["together"]).all()
    assert together.calls == [AT_ONCE, len(made.cases) - AT_ONCE]
    assert set(seconds) == {"taste", "together"}


def test_a_batch_of_another_size_is_refused():
    together = TasteTogether(3)
    together.score_batch = lambda requests: np.zeros((len(requests) + 1, 3), np.float32)
    with pytest.raises(InputError, match="answered 2 requests with 3 rows"):
        scores_of(together, [Request(), Request()])


def test_threads_change_nothing_and_everybody_is_asked_the_same():
    made = world()
    n_items = made.training_set.n_items
    one, two = (
        rank_everything(made, {"t": Taste(n_items), "r": RandomScorer(n_items)}, ks=[7], seed=3, threads=threads).views
        for threads in (1, 3)
    )
    for name in ("t", "r"):
        assert (one["overall"].ranked[name] == two["overall"].ranked[name]).all()
    first, second = Watching(n_items), Watching(n_items)
    rank_everything(made, {"first": first, "second": second}, ks=[1], seed=0)
    assert first.requests == second.requests


def test_lists_hold_what_the_metrics_need():
    made = world()
    seen = []
    asked = rank_everything(
        made,
        {"flat": Fixed(np.zeros(made.training_set.n_items, np.float32))},
        ks=[3],
        seed=0,
        progress=lambda done, total: seen.append((done, total)),
    )
    lists = asked.views["overall"]
    assert len(lists) == len(made.cases) == seen[-1][0] == seen[-1][1]
    cases = list(made.cases)
    assert [lists.user_ids[user] for user in lists.user] == [case.user_id for case in cases]
    assert lists.history.tolist() == [len(case.request.history) for case in cases]
    assert lists.relevant.items.tolist() == [row for case in cases for row in case.relevant]
    trained = np.bincount(made.training_set.interactions.item, minlength=made.training_set.n_items)
    assert lists.target_counts.tolist() == trained[lists.relevant.items].tolist()


def test_the_places_a_scorer_cannot_fill_go_to_the_fallback():
    made = world()
    n_items = made.training_set.n_items
    scores = np.full(n_items, np.nan, np.float32)
    scores[:4] = 1
    asked = rank_everything(
        made, {"half": Fixed(scores)}, ks=[10], seed=0, fallback=Fixed(np.arange(n_items, dtype=np.float32))
    )
    lists = asked.views["overall"]
    assert (lists.ranked["half"] >= 0).all()
    assert (lists.n_scored["half"] <= 4).all()
    for row, case in enumerate(made.cases):
        rest = [item for item in range(n_items - 1, -1, -1) if case.request.allowed[item] and item >= 4]
        n_scored = lists.n_scored["half"][row]
        assert lists.ranked["half"][row][n_scored:].tolist() == rest[: 10 - n_scored]
