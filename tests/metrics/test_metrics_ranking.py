"""Ranking metrics against scikit-learn, against plain Python, and against what must hold of any list."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from coldframe import metrics
from coldframe.clock import generator
from coldframe.errors import InputError
from coldframe.metrics import Ragged, per_request

NAMES = ("ndcg", "recall", "precision", "hit_rate", "mrr", "map")
FUNCTIONS = {
    "ndcg": metrics.ndcg_at_k,
    "recall": metrics.recall_at_k,
    "precision": metrics.precision_at_k,
    "hit_rate": metrics.hit_rate_at_k,
    "mrr": metrics.mrr_at_k,
    "map": metrics.average_precision_at_k,
}
N_ITEMS = 12


def by_hand(name, ranked, relevant, k):
    """One request in plain Python, written from the definitions and sharing nothing with the code under test."""
    wanted, seen, right = set(relevant), set(), []
    for item in list(ranked)[:k]:
        right.append(item in wanted and item not in seen)
        seen.add(item)
    if not wanted:
        return float("nan")
    places = [i for i, hit in enumerate(right, start=1) if hit]
    best = range(1, min(k, len(wanted)) + 1)
    return {
        "ndcg": lambda: sum(1 / log2(i + 1) for i in places) / sum(1 / log2(i + 1) for i in best),
        "recall": lambda: len(places) / len(wanted),
        "precision": lambda: len(places) / k,
        "hit_rate": lambda: float(bool(places)),
        "mrr": lambda: 1 / places[0] if places else 0.0,
        "map": lambda: sum((j + 1) / i for j, i in enumerate(places)) / len(best),
    }[name]()


@st.composite
def requests(draw):
    length = draw(st.integers(1, N_ITEMS))
    item = st.integers(0, N_ITEMS - 1)
    n = draw(st.integers(1, 6))
    lists = [draw(st.lists(item, unique=True, max_size=length)) for _ in range(n)]
    ranked = np.array([one + [-1] * (length - len(one)) for one in lists], np.int32)
    relevant = [draw(st.lists(item, max_size=N_ITEMS)) for _ in range(n)]
    return ranked, relevant, draw(st.integers(1, length))


@pytest.mark.parametrize("name", NAMES)
@given(request_=requests())
def test_as_plain_python_counts_it(name, request_):
    ranked, relevant, k = request_
    expected = [by_hand(name, one, wanted, k) for one, wanted in zip(ranked.tolist(), relevant, strict=True)]
    np.testing.assert_allclose(FUNCTIONS[name](ranked, relevant, k), expected, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ndcg_as_scikit_learn_computes_it(k):
    random = generator(0, "ndcg")
    scores = random.random((50, 30))
    truth = random.random((50, 30)) < 0.15
    truth[:, 0] = True
    ranked = np.argsort(-scores, axis=1).astype(np.int32)
    ours = metrics.ndcg_at_k(ranked, [np.flatnonzero(row) for row in truth], k)
    theirs = [ndcg_score([t], [s], k=k) for t, s in zip(truth.astype(float), scores, strict=True)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


@given(requests())
def test_every_value_is_between_0_and_1_or_undefined_for_nothing_relevant(request_):
    ranked, relevant, k = request_
    for values in per_request(ranked, relevant, metrics=NAMES, ks=[k]).values():
        assert np.isnan(values).tolist() == [not wanted for wanted in relevant]
        assert np.all((values[~np.isnan(values)] >= 0) & (values[~np.isnan(values)] <= 1 + 1e-12))


@given(requests())
def test_a_longer_list_never_loses_recall_hits_or_reciprocal_rank(request_):
    ranked, relevant, _ = request_
    ks = range(1, ranked.shape[1] + 1)
    values = per_request(ranked, relevant, metrics=["recall", "hit_rate", "mrr"], ks=list(ks))
    for name in ("recall", "hit_rate", "mrr"):
        steps = np.array([np.nan_to_num(values[f"{name}@{k}"]) for k in ks])
        assert np.all(np.diff(steps, axis=0) >= 0)


@given(requests(), st.permutations(range(N_ITEMS)))
def test_other_names_for_the_items_change_nothing(request_, names):
    ranked, relevant, k = request_
    renamed = np.where(ranked >= 0, np.array(names)[ranked], -1).astype(np.int32)
    again = [[names[item] for item in wanted] for wanted in relevant]
    for name, function in FUNCTIONS.items():
        np.testing.assert_array_equal(function(ranked, relevant, k), function(renamed, again, k), err_msg=name)


@given(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, unique=True), st.integers(1, N_ITEMS))
def test_the_perfect_list_is_1(wanted, k):
    rest = [item for item in range(N_ITEMS) if item not in wanted]
    ranked = np.array([wanted + rest], np.int32)
    for name in ("ndcg", "map", "mrr", "hit_rate"):
        assert FUNCTIONS[name](ranked, [wanted], k)[0] == pytest.approx(1)
    assert metrics.recall_at_k(ranked, [wanted], k)[0] == min(k, len(wanted)) / len(wanted)


def test_ragged_and_a_sequence_are_the_same():
    ranked = np.array([[3, 1], [0, 2], [2, 3]], np.int32)
    ragged = Ragged(np.array([0, 2, 2, 3]), np.array([1, 0, 2], np.int32))
    listed = [np.array([1, 0]), np.array([], int), (2,)]
    np.testing.assert_array_equal(metrics.hits(ranked, ragged), metrics.hits(ranked, listed))
    assert metrics.hits(ranked, ragged).tolist() == [[False, True], [False, False], [True, False]]


def test_a_repeated_item_is_paid_once_on_both_sides():
    ranked = np.array([[1, 1, 1]], np.int32)
    assert metrics.hits(ranked, [[1, 1]]).tolist() == [[True, False, False]]
    assert metrics.recall_at_k(ranked, [[1, 1]], 3).tolist() == [1.0]


def test_no_request_gives_no_value():
    empty = np.empty((0, 5), np.int32)
    assert all(len(values) == 0 for values in per_request(empty, [], metrics=NAMES, ks=[1, 5]).values())


@pytest.mark.parametrize(
    ("ranked", "relevant", "k", "message"),
    [
        ([[1, 2]], [[1]], 3, "k = 3"),
        ([[1, 2]], [[1]], 0, "k = 0"),
        ([[1, 2]], [[1], [2]], 1, "1 lists and 2 relevant sets"),
        ([[1, 2]], [[-1]], 1, "negative row"),
        ([1, 2], [[1]], 1, "1 dimensions"),
    ],
)
def test_what_cannot_be_judged_is_refused(ranked, relevant, k, message):
    with pytest.raises(InputError, match=message):
        metrics.ndcg_at_k(np.array(ranked, np.int32), relevant, k)


def test_an_unknown_metric_is_named_with_the_known_ones():
    with pytest.raises(InputError, match=r"auc.*Known: ndcg"):
        per_request(np.array([[1]], np.int32), [[1]], metrics=["auc"], ks=[1])
