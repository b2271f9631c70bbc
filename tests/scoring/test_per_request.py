"""A user's vector and ranks: compiled or not, the same."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coldframe.scoring.kernel import System, folded_in, per_request, ranks, sum_of_rows
from coldframe.scoring.kernel.library import LEVELS, library
from coldframe.scoring.profile import Recall
from coldframe.scoring.request import History, Request

WAYS = ["numpy", *LEVELS]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    compiled = library()
    if request.param == "numpy":
        monkeypatch.setattr(per_request, "library", lambda: None)
    elif compiled is None or compiled.level < LEVELS.index(request.param):
        pytest.skip(f"{request.param} is not here")
    else:
        monkeypatch.setattr(compiled, "level", LEVELS.index(request.param))
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("dim", "n"), [(1, 1), (3, 7), (8, 8), (37, 20), (128, 100)])
def test_a_user_s_vector_solves_its_system(dim, n):
    draw = np.random.default_rng(dim)
    vectors, bias = draw.normal(size=(300, dim)).astype(np.float32), draw.normal(size=300).astype(np.float32)
    items = np.sort(draw.choice(300, n, replace=False)).astype(np.int32)
    extra = draw.uniform(0, 40, n).astype(np.float32)
    gram, pull = vectors.T @ vectors, vectors.T @ bias
    user = folded_in(System.of(gram, pull, vectors, bias), items, extra, 3.0)
    near, many = vectors[items].astype(np.float64), extra.astype(np.float64)
    left = gram + near.T @ (many[:, None] * near) + 3.0 * np.eye(dim)
    right = near.T @ (1 + many - many * bias[items]) - pull
    assert user.dtype == np.float32
    assert user == pytest.approx(np.linalg.solve(left, right), rel=1e-4, abs=1e-5)


@pytest.mark.usefixtures("way")
def test_a_system_without_positive_pivots_is_solved_too():
    swap, one = np.array([[0, 1], [1, 0]], np.float32), np.ones(1, np.float32)
    vectors, nothing = np.zeros((1, 2), np.float32), np.zeros(1, np.float32)
    pull = np.array([-2, -5], np.float32)
    system = System.of(swap, pull, vectors, nothing)
    assert folded_in(system, np.zeros(1, np.int32), one, 0.0).tolist() == [5, 2]


@pytest.mark.usefixtures("way")
def test_ranks_are_places_and_ties_share_their_mean():
    scores = np.array([[3, 1, 3, 7, -np.inf], [0.0, -0.0, 1e-45, -1e-45, np.inf]], np.float32)
    assert ranks(scores).tolist() == [[1.5, 3, 1.5, 0, 4], [2.5, 2.5, 1, 4, 0]]
    assert ranks(np.empty((2, 0), np.float32)).shape == (2, 0)


@settings(max_examples=100, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 60)),
        elements=st.one_of(st.floats(width=32, allow_nan=False), st.sampled_from([0.0, -0.0, 1.0, -1.0])),
    )
)
def test_ranks_are_the_same_compiled_or_not(scores):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(per_request, "library", lambda: None)
        plain = ranks(scores)
    assert np.array_equal(ranks(scores), plain)


def test_experts_that_remember_alike_share_what_the_past_says():
    request = Request(History(np.array([4, 2], np.int32), np.ones(2, np.float32), np.array([0, 1])), now=2)
    assert Recall().profile(request) is Recall().profile(request)
    assert Recall(step_decay=0.5).profile(request).weights.tolist() == [1, 0.5]


# sums of rows


@pytest.mark.parametrize("way", WAYS, indirect=True)
@pytest.mark.parametrize("n", [0, 1, 40])
def test_rows_are_summed_to_the_same_bits_compiled_or_not(way, n, monkeypatch):
    draw = np.random.default_rng(n)
    sparse = sp.random(60, 75, density=0.2, random_state=draw, dtype=np.float32).tocsr()
    rows, weights = draw.integers(0, 60, n).astype(np.int32), draw.normal(size=n).astype(np.float32)
    arrays = (sparse.indptr.astype(np.int64), sparse.indices, sparse.data)
    found = sum_of_rows(arrays, 75, rows, weights)
    monkeypatch.setattr(per_request, "library", lambda: None)
    np.testing.assert_array_equal(found, sum_of_rows(arrays, 75, rows, weights))
    assert found == pytest.approx(weights.astype(float) @ sparse.toarray()[rows].astype(float), abs=1e-5)
