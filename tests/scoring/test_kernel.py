"""The scan finds what sorting all exact scores finds, whatever scans."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coldframe.scoring.kernel import Matrix, Wanted, name
from coldframe.scoring.kernel.compiled import Compiled
from coldframe.scoring.kernel.exact import exact_scores
from coldframe.scoring.kernel.library import LEVELS, library
from coldframe.scoring.kernel.plain import Plain
from coldframe.scoring.ranking import best_rows

SCANS = ["numpy", *LEVELS]
KEY = 20_260_301


def scan(which, vectors, bias):
    if which == "numpy":
        return Plain(vectors, bias)
    compiled = library()
    if compiled is None:
        pytest.skip("the scan is not compiled here: python hatch_build.py")
    if compiled.level < LEVELS.index(which):
        pytest.skip(f"this processor has no {which}")
    return Compiled(vectors, bias, compiled, LEVELS.index(which))


def matrix(which, vectors, bias=None):
    made = Matrix(vectors, bias)
    made._scan = scan(which, vectors, bias)
    return made


def sorted_all(vectors, bias, query, wanted):
    """What sorting every exact score gives."""
    scores = exact_scores(vectors, bias, query)
    rows = np.flatnonzero(wanted.among & ~np.isnan(scores))
    return best_rows(rows, scores, wanted.k, KEY).tolist()


def found(which, vectors, bias, query, *wanted):
    return [rows.tolist() for rows in matrix(which, vectors, bias).best(query, wanted, KEY)]


floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
plain_floats = st.one_of(
    st.floats(-2, 2, width=32),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1e-38, 1e-20, 1e20, 3e38, -3e38]),
)


@st.composite
def questions(draw, values=plain_floats, asked=plain_floats):
    n, dim = draw(st.integers(1, 70)), draw(st.integers(1, 40))
    kinds = draw(st.integers(1, n))
    some = draw(arrays(np.float32, (kinds, dim), elements=values))
    vectors = some[draw(arrays(np.int64, n, elements=st.integers(0, kinds - 1)))]
    bias = draw(st.one_of(st.none(), arrays(np.float32, n, elements=values)))
    query = draw(arrays(np.float32, dim, elements=asked))
    wanted = [Wanted(draw(arrays(np.bool_, n)), draw(st.integers(1, n + 3))) for _ in range(draw(st.integers(1, 3)))]
    return vectors, bias, query, wanted


@pytest.mark.parametrize("which", SCANS)
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_it_finds_what_sorting_everything_finds(which, question):
    vectors, bias, query, wanted = question
    assert found(which, vectors, bias, query, *wanted) == [sorted_all(vectors, bias, query, each) for each in wanted]


@pytest.mark.parametrize("which", SCANS)
@settings(max_examples=50, deadline=None)
@given(question=questions(st.one_of(plain_floats, st.sampled_from([np.nan, np.inf, -np.inf]))))
def test_a_row_that_is_not_finite_is_scored_like_any_other_and_nan_is_no_score(which, question):
    vectors, bias, query, wanted = question
    assert found(which, vectors, bias, query, *wanted) == [sorted_all(vectors, bias, query, each) for each in wanted]


@pytest.mark.parametrize("which", SCANS)
@pytest.mark.parametrize("spread", [0.0, 1.0], ids=["isotropic", "decaying"])
@pytest.mark.parametrize(
    ("n", "dim", "k"), [(5_000, 64, 100), (1_037, 128, 10), (300, 3, 299), (40, 1, 5), (17, 200, 20)]
)
def test_it_finds_them_among_many(which, spread, n, dim, k):
    draw = np.random.default_rng(n)
    vectors = (draw.normal(size=(n, dim)) * np.arange(1, dim + 1) ** -spread).astype(np.float32)
    vectors[draw.random(n) < 0.2] = 0
    vectors[n // 2 :: 7] = vectors[: len(vectors[n // 2 :: 7])]
    bias = draw.normal(size=n).astype(np.float32)
    wanted = [Wanted(draw.random(n) < share, k) for share in (1.0, 0.5, 0.01)]
    for _ in range(5):
        query = draw.normal(size=dim).astype(np.float32)
        right = [sorted_all(vectors, bias, query, each) for each in wanted]
        assert found(which, vectors, bias, query, *wanted) == right


@pytest.mark.parametrize("which", SCANS)
@settings(max_examples=100, deadline=None)
@given(question=questions(), data=st.data())
def test_scores_have_the_same_bits_in_c_and_in_numpy_of_one_row_and_of_all(which, question, data):
    vectors, bias, query, _ = question
    made, every = matrix(which, vectors, bias), exact_scores(vectors, bias, query)
    some = data.draw(arrays(np.int32, st.integers(0, 20), elements=st.integers(0, len(vectors) - 1)))
    assert np.array_equal(made.scores(query), every, equal_nan=True)
    assert np.array_equal(made.of(query, some), every[some], equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(question=questions(*2 * [st.floats(-1e10, 1e10, width=32)]))
def test_a_score_is_the_true_one_rounded(question):
    vectors, bias, query, _ = question
    for row, score in enumerate(exact_scores(vectors, bias, query).tolist()):
        products = [Fraction(float(v)) * Fraction(float(u)) for v, u in zip(vectors[row], query, strict=True)]
        true = sum(products, Fraction(0 if bias is None else float(bias[row])))
        size = sum(map(abs, products), abs(Fraction(0 if bias is None else float(bias[row]))))
        assert abs(Fraction(score) - true) <= abs(true) * Fraction(1, 2**24) + size * Fraction(1, 2**45) + Fraction(
            1, 2**149
        )


@pytest.mark.parametrize("which", SCANS)
def test_a_bound_that_overflows_leaves_nothing_out(which):
    vectors, query = np.full((5, 1), -1, np.float32), np.array([3e38], np.float32)
    wanted = [Wanted(np.array([False, True, True, True, True]), 1), Wanted(np.ones(5, np.bool_), 4)]
    assert found(which, vectors, None, query, *wanted) == [sorted_all(vectors, None, query, each) for each in wanted]


@pytest.mark.parametrize("which", SCANS)
def test_what_one_wish_found_hides_nothing_from_the_next_where_scores_overflow(which):
    vectors, query = np.full((2, 1), 2, np.float32), np.array([3e38], np.float32)
    wanted = [Wanted(np.array([True, False]), 1), Wanted(np.ones(2, np.bool_), 1)]
    assert found(which, vectors, None, query, *wanted) == [sorted_all(vectors, None, query, each) for each in wanted]


@pytest.mark.parametrize("which", SCANS)
@pytest.mark.parametrize("power", [-1.0, 0.0, 1.0], ids=["what leads", "everything alike", "what does not lead"])
def test_whatever_directions_a_query_weighs(which, power):
    draw, dim = np.random.default_rng(5), 128
    axes = np.linalg.qr(draw.normal(size=(dim, dim)))[0]
    weighed = np.arange(1, dim + 1) ** power
    vectors = ((draw.normal(size=(3_000, dim)) / np.arange(1, dim + 1)) @ axes).astype(np.float32)
    wanted = [Wanted(draw.random(3_000) < share, 20) for share in (1.0, 0.3)]
    for _ in range(3):
        query = ((draw.normal(size=dim) * weighed) @ axes).astype(np.float32)
        right = [sorted_all(vectors, None, query, each) for each in wanted]
        assert found(which, vectors, None, query, *wanted) == right


@pytest.mark.parametrize("which", SCANS)
def test_few_rows_survive_a_scan(which):
    draw = np.random.default_rng(3)
    vectors, query = draw.normal(size=(20_000, 64)).astype(np.float32), draw.normal(size=64).astype(np.float32)
    kept = scan(which, vectors, None).best(query, [Wanted(np.ones(20_000, np.bool_), 100)], KEY).scanned[0]
    assert 100 <= kept <= 400


@pytest.mark.parametrize("strange", [np.nan, np.inf])
def test_nothing_is_ranked_by_a_query_that_is_not_finite(strange):
    with pytest.raises(ValueError, match="finite"):
        Matrix(np.ones((3, 2), np.float32)).best(np.array([strange, 0]), [Wanted(np.ones(3, np.bool_), 1)], KEY)


@pytest.mark.parametrize("which", SCANS)
def test_of_nothing_and_where_nothing_is_wanted_nothing_is_found(which):
    query = np.ones(2, np.float32)
    assert found(which, np.ones((0, 2), np.float32), None, query, Wanted(np.ones(0, np.bool_), 3)) == [[]]
    assert found(which, np.ones((3, 2), np.float32), None, query, Wanted(np.ones(3, np.bool_), 0)) == [[]]
    assert found(which, np.ones((3, 2), np.float32), None, query, Wanted(np.zeros(3, np.bool_), 3)) == [[]]
    assert found(which, np.ones((3, 2), np.float32), None, query) == []


def test_a_scan_says_what_it_is():
    assert name() in SCANS


def test_order_of_halves_is_what_the_documentation_says():
    products = [1e16, 1.0, -1e16, 1.0, 1.0]
    by_hand = ((products[0] + products[4]) + products[2]) + (products[1] + products[3])
    vectors = np.array([products], np.float64).astype(np.float32)
    assert exact_scores(vectors, None, np.ones(5, np.float32)).tolist() == [np.float32(by_hand)]
    assert math.isclose(by_hand, 2.0)
