"""The numerics against the equations they stand for, solved plainly in float64."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from model_worlds import SETTINGS, workshop

from coldframe.models import csr as csr_module
from coldframe.models import elimination
from coldframe.models import gram as gram_module
from coldframe.models.als import factorise
from coldframe.models.csr import largest_of_rows, meetings
from coldframe.models.decomposition import gram_times, leading_vectors
from coldframe.models.fits.item_item import fit_item_item
from coldframe.models.fits.spectral import fit_spectral
from coldframe.models.gram import ItemGram, Stacked, dense_ease, sparse_ease, symmetric_inverse
from coldframe.scoring.experts import Collaborative, DenseItemItem, Factors
from coldframe.scoring.profile import Profile, Recall
from coldframe.scoring.sparse import SparseRows
from coldframe.settings import ItemItemSettings

N_USERS, N_ITEMS = 40, 12
SHARED = ("solve_upper", "add_inner_products", "add_inner_products_with")
ALPHA, RIDGE = 8.0, 0.03


@pytest.fixture(autouse=True)
def _without_compiling(monkeypatch):
    """The sparse solver as it is written: compiling it takes half a minute, and says nothing about its equations."""
    for name in ("_solve_columns", "_strongest", "_fill_upper", "_fill_right", "_shrink", "_each_alone", *SHARED):
        monkeypatch.setattr(gram_module, name, getattr(gram_module, name).py_func)


def likes(share=0.4, seed=4):
    draw = np.random.default_rng(seed)
    taken = draw.random((N_USERS, N_ITEMS)) < share
    return (taken * draw.choice([0.3, 1.0], (N_USERS, N_ITEMS))).astype(np.float32)


# matrix factorisation


@pytest.fixture(scope="module")
def factors():
    """Both sides after so many epochs that neither moves any more."""
    generator = np.random.default_rng(1)
    sides = factorise(sp.csr_matrix(likes()), dim=3, alpha=ALPHA, regularization=RIDGE, epochs=400, generator=generator)
    users, items = sides
    expert = Collaborative(
        "collaborative",
        "collaborative",
        items.vectors,
        items.bias,
        items.vectors.T @ items.vectors,
        items.vectors.T @ items.bias,
        np.ones(N_ITEMS, np.bool_),
        ALPHA,
        RIDGE,
        Recall(),
    )
    return users, items, expert


def solved(own, vectors, bias):
    """The u that minimises Σ c (p − b − y·u)² + λ ‖u‖², written as one weighted least-squares problem."""
    confidence = 1 + ALPHA * own.astype(np.float64)
    ridge = RIDGE * confidence.sum()
    left = np.concatenate([np.sqrt(confidence)[:, None] * vectors, np.sqrt(ridge) * np.eye(vectors.shape[1])])
    right = np.concatenate([np.sqrt(confidence) * ((own > 0) - bias), np.zeros(vectors.shape[1])])
    return np.linalg.lstsq(left, right)[0]


@pytest.mark.parametrize("user", range(0, N_USERS, 7))
def test_fold_in_solves_its_equation(factors, user):
    _, items, expert = factors
    own = likes()[user]
    past = np.flatnonzero(own).astype(np.int32)
    found = expert.fold_in(Profile(past, own[past]))
    assert found == pytest.approx(solved(own, items.vectors.astype(np.float64), items.bias), abs=2e-4)


def test_fold_in_is_what_fitting_says_of_a_user(factors):
    users, _, expert = factors
    for user, own in enumerate(likes()):
        past = np.flatnonzero(own).astype(np.int32)
        fitted = np.append(users.vectors[user, :-1], users.bias[user])
        assert expert.fold_in(Profile(past, own[past])) == pytest.approx(fitted, abs=5e-3)


def test_items_solve_the_same_equation_from_the_other_side(factors):
    users, items, _ = factors
    for item, own in enumerate(likes().T):
        fitted = np.append(items.vectors[item, :-1], items.bias[item])
        assert fitted == pytest.approx(solved(own, users.vectors.astype(np.float64), users.bias), abs=5e-3)


# item-item


def gram(matrix, exponent=0.0):
    return ItemGram.of(sp.csr_matrix(matrix), np.ones(matrix.shape[1], np.bool_), exponent, ItemItemSettings())


def plain_ease(matrix, ridge, exponent=0.0):
    """B = I − P ÷ diag(P) with P = (X' D^−c X + λ I)⁻¹, λ in mean diagonals."""
    matrix = matrix.astype(np.float64)
    degree = matrix.sum(axis=1)
    weight = np.where(degree > 0, np.maximum(degree, 1e-9) ** -exponent, 0)
    product = matrix.T @ (weight[:, None] * matrix)
    inverse = np.linalg.inv(product + ridge * np.diag(product).mean() * np.eye(len(product)))
    found = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


@pytest.mark.parametrize("ridge", [0.1, 2.0])
@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_dense_ease_is_the_closed_form(ridge, exponent):
    found = dense_ease(gram(likes(), exponent), ridge)
    assert found == pytest.approx(plain_ease(likes(), ridge, exponent), abs=1e-4)


def test_a_column_of_ease_is_a_ridge_regression_on_all_other_items():
    matrix, ridge = likes().astype(np.float64), 0.5
    found = dense_ease(gram(likes()), ridge)
    others, penalty = matrix[:, 1:], ridge * (matrix**2).sum(axis=0).mean()
    right = np.linalg.solve(others.T @ others + penalty * np.eye(N_ITEMS - 1), others.T @ matrix[:, 0])
    assert found[1:, 0] == pytest.approx(right, abs=1e-4)


def test_sparse_ease_with_every_neighbour_is_dense_ease():
    everything = likes(share=0.8)
    assert (everything.T @ everything > 0).all()
    found = sparse_ease(gram(everything), 0.5, neighbours=N_ITEMS, exponent=0.4)
    assert found.toarray() == pytest.approx(dense_ease(gram(everything), 0.5), abs=1e-4)


@pytest.mark.parametrize("searched", [0, 10**9])
def test_sparse_ease_solves_the_equations_of_its_neighbours(monkeypatch, searched):
    monkeypatch.setattr(gram_module, "SEARCHED", searched)
    of_likes = gram(likes(share=0.2))
    found = sparse_ease(of_likes, 0.5, neighbours=4, exponent=0.4).tocsc()
    whole, ridge = of_likes.matrix.toarray().astype(np.float64), 0.5 * of_likes.diagonal.mean()
    for j in range(whole.shape[0]):
        near = found[:, j].indices
        assert len(near)
        system = whole[np.ix_(near, near)] + ridge * np.eye(len(near))
        np.testing.assert_allclose(found[:, j].data, np.linalg.solve(system, whole[near, j]), rtol=1e-4, atol=1e-6)


def stacked(seed=6):
    """Features of the items, all alike a little, their neighbours by content no more than two each."""
    draw = np.random.default_rng(seed)
    features = (0.2 + draw.random((N_ITEMS, 5)) * (draw.random((N_ITEMS, 5)) < 0.4)).astype(np.float32)
    inner = features @ features.T
    near = sp.csr_matrix(inner * (inner >= -np.sort(-inner, axis=1)[:, 1:2]))
    return features, Stacked(sp.csr_matrix(features), near.maximum(near.T), 3.0)


def test_stacked_ease_is_ease_of_users_and_features_as_rows():
    features, below = stacked()
    both = np.concatenate([likes(), np.sqrt(np.float32(3)) * features.T])
    assert dense_ease(gram(likes()), 0.5, below) == pytest.approx(plain_ease(both, 0.5), abs=1e-4)


def test_sparse_stacked_ease_solves_the_whole_equations_of_its_neighbours():
    """Neighbours are those that likes or content name; between them every feature counts, not only what is near."""
    features, below = stacked()
    of_likes = gram(likes(share=0.2))
    found = sparse_ease(of_likes, 0.5, neighbours=5, exponent=0.4, stacked=below).tocsc()
    whole = of_likes.matrix.toarray().astype(np.float64) + 3.0 * (features @ features.T).astype(np.float64)
    ridge = 0.5 * np.diag(whole).mean()
    for j in range(N_ITEMS):
        near = found[:, j].indices
        assert 2 <= len(near) <= 5
        system = whole[np.ix_(near, near)] + ridge * np.eye(len(near))
        np.testing.assert_allclose(found[:, j].data, np.linalg.solve(system, whole[near, j]), rtol=1e-3, atol=1e-5)


def test_an_incomplete_matrix_that_is_not_definite_says_so():
    cut = np.eye(60, dtype=np.float32)
    cut[0, 1:] = cut[1:, 0] = 1
    right, solved = np.ones(60, np.float32), np.zeros(60, np.float32)
    assert not elimination.solve_upper(cut.copy(), right.copy(), np.float32(0.5), solved)
    assert elimination.solve_upper(np.eye(60, dtype=np.float32), right.copy(), np.float32(0.5), solved)
    assert solved.tolist() == [1] * 60


def test_what_was_cut_off_does_not_make_weights_explode():
    """Few who bought a lot, cut to six others an item: unless systems are shrunk, a weight of 2.6 comes out."""
    draw = np.random.default_rng(1)
    taken = (draw.random((12, 80)) < 1.2 * draw.random(80) ** 2).astype(np.float32)
    rule = ItemItemSettings(dense_items=2, pairs_per_item=6)
    of_likes = ItemGram.of(sp.csr_matrix(taken), taken.sum(axis=0) > 0, 0.5, rule)
    found = sparse_ease(of_likes, 0.05, neighbours=30, exponent=0.4)
    assert np.abs(found.data).max() < 1.1
    assert (np.asarray(np.abs(found).sum(axis=0)).ravel() > 0).all()


def test_sparse_ease_keeps_to_its_neighbours():
    found = sparse_ease(gram(likes()), 0.5, neighbours=3, exponent=0.4)
    assert np.diff(found.tocsc().indptr).max() == 3
    assert not found.diagonal().any()


def rows_of(matrix):
    return [
        (f"u{user:02d}", f"i{item:02d}", user + item / 100, {0.3: "click", 1.0: "purchase"}[round(float(value), 1)])
        for user, own in enumerate(matrix)
        for item, value in enumerate(own)
        if value
    ]


@pytest.mark.parametrize(("dense_items", "kept_dense"), [(100, 100), (100, 2), (2, 2)])
def test_an_item_nobody_took_changes_nothing_for_the_others(dense_items, kept_dense):
    """Dense, dense but kept sparsely, and sparse."""
    item_item = replace(SETTINGS.item_item, dense_items=dense_items, kept_dense=kept_dense, neighbours=N_ITEMS)
    settings = replace(SETTINGS, item_item=item_item)
    matrix = likes(share=0.8)
    world = workshop(rows_of(matrix), settings=settings)
    expert = fit_item_item(world)
    assert isinstance(expert, DenseItemItem) == (kept_dense == 100)
    assert dense(expert.matrix) == pytest.approx(plain_ease(matrix, item_item.ridge, item_item.user_exponent), abs=1e-3)


def dense(matrix):
    once = np.ones(1, np.float32)
    return np.stack([matrix.combine(np.array([row], np.int32), once) for row in range(len(matrix))])


def test_a_symmetric_inverse_is_an_inverse():
    root = np.random.default_rng(2).normal(size=(1_500, 1_500)).astype(np.float32)
    matrix = root @ root.T / 1_500 + np.eye(1_500, dtype=np.float32)
    found = symmetric_inverse(matrix.copy())
    assert np.array_equal(found, found.T)
    assert np.abs(found @ matrix - np.eye(1_500)).max() < 1e-3


# spectral


def normalised(matrix, exponent):
    matrix = matrix.astype(np.float64)
    user, item = matrix.sum(axis=1) ** -exponent, matrix.sum(axis=0) ** -exponent
    return user[:, None] * matrix * item, item


def test_the_spectral_filter_is_its_eigendecomposition():
    matrix = likes()
    world, settings = workshop(rows_of(matrix)), SETTINGS.spectral
    expert = fit_spectral(world)
    normal, item = normalised(matrix, settings.exponent)
    values, vectors = np.linalg.eigh(normal.T @ normal)
    response = values / (values + settings.softness * values.max() / 10)
    right = item[:, None] * ((vectors * response) @ vectors.T) / item
    assert isinstance(expert, DenseItemItem)
    assert dense(expert.matrix) == pytest.approx(right, abs=4e-3)


def test_a_truncated_filter_is_a_projection_on_the_leading_directions():
    matrix = likes()
    settings = replace(SETTINGS, spectral=replace(SETTINGS.spectral, dense_items=2, rank=4))
    expert = fit_spectral(workshop(rows_of(matrix), settings=settings))
    normal, item = normalised(matrix, settings.spectral.exponent)
    leading = np.linalg.eigh(normal.T @ normal)[1][:, -4:]
    assert isinstance(expert, Factors)
    found = expert.inward @ expert.outward.T
    assert found == pytest.approx(item[:, None] * (leading @ leading.T) / item, abs=2e-3)


@pytest.mark.parametrize("width", [1, 3, 64, 65, 200])
def test_a_gram_matrix_that_is_never_made_multiplies_all_the_same(width):
    draw = np.random.default_rng(2)
    matrix = sp.random(50, 20, 0.1, "csr", np.float32, draw)
    basis = draw.normal(size=(20, width)).astype(np.float32)
    np.testing.assert_allclose(gram_times(matrix, basis), matrix.T @ (matrix @ basis), rtol=1e-4, atol=1e-5)


def test_leading_vectors_of_noise_hold_at_least_nine_tenths_of_what_the_best_hold():
    draw = np.random.default_rng(4)
    matrix = sp.random(400, 300, 0.05, "csr", np.float32, draw)
    found = leading_vectors(matrix, 40, draw)
    held = ((matrix @ found) ** 2).sum()
    best = (np.linalg.svd(matrix.toarray(), compute_uv=False)[:40] ** 2).sum()
    assert 0.9 < held / best <= 1 + 1e-5


def test_leading_vectors_are_orthonormal_and_span_what_counts():
    draw = np.random.default_rng(6)
    low = draw.normal(size=(60, 5)) @ draw.normal(size=(5, 30))
    found = leading_vectors(sp.csr_matrix(low.astype(np.float32)), 5, draw)
    assert found.T @ found == pytest.approx(np.eye(5), abs=1e-4)
    assert low @ found @ found.T == pytest.approx(low, abs=1e-3)


# what is kept of a matrix


@pytest.mark.parametrize("k", [1, 3, 11, 12])
def test_the_largest_of_a_row_are_kept_and_of_equal_ones_the_first(k):
    matrix = np.round(np.random.default_rng(2).random((5, 12)) * 4).astype(np.float32)
    found = largest_of_rows(sp.csr_matrix(matrix), k).toarray()
    for row, kept in zip(matrix, found, strict=True):
        order = np.argsort(-row, kind="stable")
        expected = np.zeros(12)
        expected[order[:k]] = row[order[:k]]
        assert kept.tolist() == expected.tolist()


def test_the_largest_are_chosen_by_their_factors_and_stay_what_they_are():
    found = largest_of_rows(sp.csr_matrix(np.array([[3, 2, 1]], np.float32)), 1, np.array([0.1, 0.1, 2], np.float32))
    assert found.toarray().tolist() == [[0, 0, 1]]


def test_who_meets_whom_is_the_product_and_stays_symmetric_when_cut():
    matrix = sp.csr_matrix(likes())
    whole = (matrix.T @ matrix).toarray()
    assert meetings(matrix).toarray() == pytest.approx(whole, abs=1e-5)
    cut = meetings(matrix, kept=3).toarray()
    assert (cut == cut.T).all()
    assert cut[cut > 0] == pytest.approx(whole[cut > 0], abs=1e-5)
    assert 3 * N_ITEMS <= (cut > 0).sum() < (whole > 0).sum()


def test_what_a_column_has_of_itself_is_kept_whoever_is_tied_with_it():
    cut = meetings(sp.csr_matrix(np.ones((2, 30), np.float32)), kept=2)
    assert cut.diagonal().tolist() == [2] * 30


def test_a_cut_product_never_holds_more_than_it_keeps(monkeypatch):
    """Somebody who met everything makes every pair; what is held at once is a block of rows, then what they keep."""
    held = []
    cut = csr_module.largest_of_rows

    def watched(block, *arguments):
        held.append(block.shape[0])
        return cut(block, *arguments)

    monkeypatch.setattr(csr_module, "largest_of_rows", watched)
    found = meetings(sp.csr_matrix(np.ones((2, 700), np.float32)), kept=5)
    assert max(held) == csr_module.BLOCK
    assert found.nnz <= 2 * 5 * 700 + 700


# scoring's own sparse rows


def test_sparse_rows_multiply_as_dense_ones_do():
    matrix = sp.random(20, 15, density=0.2, random_state=np.random.default_rng(3), dtype=np.float32).tocsr()
    rows = SparseRows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data, 15)
    draw = np.random.default_rng(8)
    picked, weights = np.array([3, 3, 19, 0], np.int32), draw.normal(size=4).astype(np.float32)
    vector = draw.normal(size=15).astype(np.float32)
    assert rows.combine(picked, weights) == pytest.approx(weights @ matrix.toarray()[picked], abs=1e-5)
    told = np.arange(15, dtype=np.int32)
    assert rows.transposed().combine(told, vector) == pytest.approx(matrix.toarray() @ vector, abs=1e-5)
    assert rows.combine(picked[:0], weights[:0]).tolist() == [0.0] * 15
