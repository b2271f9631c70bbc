"""Nearest items by content, against all inner products."""

import numpy as np
import pytest
import scipy.sparse as sp

from coldframe.models import neighbours
from coldframe.models.neighbours import nearest

N, FEATURES = 200, 300


def described(seed=0, common=3, density=0.012):
    """Rows of length 1; nearly all carry the first few features, every tenth carries no other one."""
    draw = np.random.default_rng(seed)
    matrix = draw.random((N, FEATURES)) * (draw.random((N, FEATURES)) < density)
    matrix[::10] = 0
    matrix[:, :common] = 0.3 * draw.random((N, common)) * (draw.random((N, common)) < 0.9)
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    return sp.csr_matrix(np.divide(matrix, length, where=length > 0, out=matrix), dtype=np.float32)


def plainly(features, among, k):
    """The k largest inner products of each row with others of `among`, in order of size."""
    likeness = (features @ features.T).toarray()
    np.fill_diagonal(likeness, 0)
    likeness[:, ~among] = 0
    return -np.sort(-likeness, axis=1)[:, :k]


@pytest.mark.parametrize("common", [0, 3])
@pytest.mark.parametrize("k", [1, 7, 100, 500])
def test_no_item_is_overlooked(k, common):
    features = described(common=common)
    among = np.random.default_rng(1).random(N) < 0.8
    found = nearest(features, among, k=k)
    expected = plainly(features, among, k)
    for row, best in enumerate(expected):
        said = -np.sort(-found[row].data)
        assert said == pytest.approx(best[best > 0][: len(said)], abs=1e-6)
        assert len(said) == min((best > 1e-7).sum(), k)


def test_likeness_stands_beside_whom_it_is_of():
    features, everybody = described(), np.ones(N, np.bool_)
    found = nearest(features, everybody, k=5).tocoo()
    likeness = (features @ features.T).toarray()
    assert found.data == pytest.approx(likeness[found.row, found.col], abs=1e-6)
    assert (found.row != found.col).all()


def test_what_cannot_come_close_is_not_compared(monkeypatch):
    """The bound is what makes it cheap: with features that share little, few rows get their common part."""
    compared = []
    add = neighbours._add_common.py_func

    def counted(length, reach, least, own, pooled, size, score, met):
        kept = add(length, reach, least, own, pooled, size, score, met)
        compared.append((size, kept))
        return kept

    for name in ("_sum_rare", "_meet_others", "_keep_largest"):
        monkeypatch.setattr(neighbours, name, getattr(neighbours, name).py_func)
    monkeypatch.setattr(neighbours, "_add_common", counted)
    monkeypatch.setattr(neighbours, "_search", neighbours._search.py_func)
    nearest(described(), np.ones(N, np.bool_), k=3)
    assert sum(kept for _, kept in compared) < 0.5 * len(compared) * N


def test_nobody_is_like_anybody_where_nothing_is_known_or_nobody_is_asked_about():
    nothing = sp.csr_matrix((N, 4), dtype=np.float32)
    assert nearest(nothing, np.ones(N, np.bool_), k=3).nnz == 0
    assert nearest(described(), np.zeros(N, np.bool_), k=3).nnz == 0
