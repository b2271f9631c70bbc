"""The factorisation against its equations solved plainly, and the same bits wherever and whenever it runs."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
import scipy.sparse as sp

from coldframe.models.als import Side, factorise, solve_anew

FACTORISE = """
import hashlib
import numpy as np
import scipy.sparse as sp
from coldframe.models.als import factorise
seen = sp.random(500, 300, 0.03, format="csr", random_state=1, dtype=np.float32)
_, items = factorise(seen, dim=16, alpha=4, regularization=0.01, epochs=3, generator=np.random.default_rng(1))
print(hashlib.sha256(items.vectors.tobytes() + items.bias.tobytes()).hexdigest())
"""
ALPHA, RIDGE = 8.0, 0.02


def world(n_users=300, n_items=80, share=0.1, seed=2):
    """Likes with strengths, among them a user and an item that nobody meets."""
    seen = sp.random(n_users, n_items, share, format="lil", random_state=seed, dtype=np.float32)
    seen[n_users // 2, :], seen[:, n_items // 2] = 0, 0
    return seen.tocsr()


def fitted(seen, dim, epochs=2):
    draw = np.random.default_rng(1)
    return factorise(seen, dim=dim, alpha=ALPHA, regularization=RIDGE, epochs=epochs, generator=draw)


def exact(seen, other):
    """Each row's (vector, bias) that minimises the objective while `other` stands still, in float64."""
    features, bias = other.vectors.astype(np.float64), other.bias.astype(np.float64)
    solved = []
    for weight in seen.toarray().astype(np.float64):
        c = 1 + ALPHA * weight
        left = (features * c[:, None]).T @ features + RIDGE * c.sum() * np.eye(features.shape[1])
        solved.append(np.linalg.solve(left, features.T @ (c * ((weight > 0) - bias))))
    return np.array(solved)


def joined(side):
    return np.column_stack([side.vectors[:, :-1], side.bias])


def objective(seen, users, items):
    c = 1 + ALPHA * seen.toarray().astype(np.float64)
    scores = users.vectors[:, :-1] @ items.vectors[:, :-1].T + users.bias[:, None] + items.bias
    ridges = [
        RIDGE * (c.sum(axis=axis) * (joined(side) ** 2).sum(axis=1)).sum() for axis, side in ((1, users), (0, items))
    ]
    return (c * ((seen.toarray() > 0) - scores) ** 2).sum() + sum(ridges)


def distance(found, right):
    return np.linalg.norm(found - right) / np.linalg.norm(right)


@pytest.mark.parametrize("dim", [1, 5, 16, 24, 128])
def test_a_half_step_from_nothing_solves_its_equations(dim):
    seen = world()
    _, items = fitted(seen, dim)
    found = solve_anew(seen, items, alpha=ALPHA, regularization=RIDGE, epochs=4)
    assert distance(joined(found), exact(seen, items)) < 1e-4
    assert found.vectors[:, -1] == pytest.approx(1)


def test_three_steps_from_nothing_are_near_the_solution():
    seen = world()
    _, items = fitted(seen, 24)
    found = solve_anew(seen, items, alpha=ALPHA, regularization=RIDGE, epochs=1)
    assert distance(joined(found), exact(seen, items)) < 0.02


def test_epochs_end_near_where_each_row_is_solved():
    seen = world()
    users, items = fitted(seen, 16, epochs=3)
    assert distance(joined(items), exact(seen.T.tocsr(), users)) < 0.02


def test_the_objective_falls_every_epoch():
    seen = world()
    values = [objective(seen, *fitted(seen, 24, epochs)) for epochs in range(6)]
    assert (np.diff(values) < 0).all()


def test_threads_do_not_change_bits():
    seen = world(n_users=9_000, n_items=500, share=0.02)
    before, bits = numba.get_num_threads(), []
    for n_threads in {1, before}:
        numba.set_num_threads(n_threads)
        bits.append([joined(side).tobytes() for side in fitted(seen, 24)])
    numba.set_num_threads(before)
    assert bits[0] == bits[-1]


def test_who_has_seen_nothing_stands_where_all_others_say_no():
    seen = world()
    users, items = fitted(seen, 16, epochs=8)
    empty = np.flatnonzero(np.diff(seen.indptr) == 0)
    assert len(empty)
    liked = users.vectors[:, :-1] @ items.vectors[:, :-1].T + users.bias[:, None] + items.bias
    assert np.isfinite(liked).all()
    assert np.abs(liked[empty]).mean() < np.abs(liked).mean()


@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (1, 7)])
def test_one_row_on_a_side(shape):
    seen = sp.csr_matrix(np.ones(shape, np.float32))
    users, items = fitted(seen, 5, epochs=4)
    assert np.isfinite(joined(users)).all()
    assert np.isfinite(joined(items)).all()
    assert distance(joined(items), exact(seen.T.tocsr(), users)) < 1e-3


def test_nothing_seen_at_all_scores_nothing():
    users, items = fitted(sp.csr_matrix((6, 4), dtype=np.float32), 8, epochs=4)
    assert isinstance(users, Side)
    assert np.abs(users.vectors[:, :-1] @ items.vectors[:, :-1].T).max() < 0.01


def test_the_first_run_on_a_machine_has_the_bits_of_every_later_one(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", FACTORISE], env=environment, capture_output=True, check=True).stdout
        for _ in range(2)
    )
    assert list(tmp_path.rglob("*.nbi"))
    assert first == second
