"""Each item regressed on its neighbours, against the equation solved plainly."""

import numpy as np
import scipy.sparse as sp

from coldframe.models.kernel_regression import regressed
from coldframe.models.neighbours import nearest

RIDGE = 0.7


def features(seed: int = 3) -> sp.csr_matrix:
    rows = sp.random(40, 25, density=0.3, random_state=seed, dtype=np.float32).toarray()
    return sp.csr_matrix(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def test_each_row_solves_its_own_neighbours():
    rows = features()
    near = nearest(rows, np.arange(40) < 30, k=8)
    found, kernel = regressed(rows, near, RIDGE).toarray(), (rows @ rows.T).toarray()
    for item in range(40):
        own = near[item].indices
        right = np.linalg.solve(kernel[np.ix_(own, own)] + RIDGE * np.eye(len(own)), kernel[own, item])
        np.testing.assert_allclose(found[item, own], right, atol=1e-4)
        assert not np.delete(found[item], own).any()


def test_copies_speak_as_one_and_other_things_for_themselves():
    """Five copies of one article and one other, equally like the new item: the copies share one say."""
    one, other, new = [1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 2.0]
    rows = np.array([one] * 5 + [other, new], np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    matrix = sp.csr_matrix(rows)
    said = regressed(matrix, nearest(matrix, np.arange(7) < 6, k=6), 0.01).toarray()[6]
    np.testing.assert_allclose(said[:5].sum(), said[5], rtol=0.05)


def test_an_item_like_nothing_inherits_nothing():
    rows = sp.csr_matrix(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
    assert not regressed(rows, nearest(rows, np.array([True, True, False]), k=2), RIDGE)[2].nnz
