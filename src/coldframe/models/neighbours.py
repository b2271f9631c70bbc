"""Each item's most alike items by content, exactly, without comparing what cannot come close.

A feature that a large part of the catalogue carries says little and costs most. So the rare ones are summed first, over
the items that share one; what the common ones could still add is bounded by their lengths (Cauchy and Schwarz), and
only where that reaches the k-th best are they looked at (the idea of MaxScore: Turtle and Flood 1995). Owns that
search; memory grows with the catalogue times k.
"""

from typing import NamedTuple

import numba
import numpy as np
import scipy.sparse as sp

from coldframe.dataset.training_set import Bools, Floats
from coldframe.models.csr import Csr

CHUNKS = 64
SLACK = np.float32(1.00001)
"""More than sums of so many floats can be off by."""
COMMON = 1 / 32
"""Share of the items that carry a feature from which it is common."""


class _Split(NamedTuple):
    """Features of the items in two parts: rare ones sparse [n, n_rare], common ones float32 [n, n_common]."""

    rare: Csr
    common: Floats


def nearest(features: Csr, among: Bools, *, k: int) -> Csr:
    """Return for every row its k most alike other rows of `among`, inner products above 0, float32 [n, n].

    `features` [n, n_features] has no entry below 0.
    """
    n, pool = features.shape[0], np.flatnonzero(among)
    if not len(pool) or not features.nnz:
        return sp.csr_matrix((n, n), dtype=np.float32)
    k = min(k, len(pool))
    parts = _split(features)
    postings = sp.csc_matrix(parts.rare[pool])
    place = np.full(n, -1, np.int32)
    place[pool] = np.arange(len(pool), dtype=np.int32)
    found, likeness = np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32)
    _search(_arrays(parts.rare), parts.common, _arrays(postings), parts.common[pool], place, found, likeness)
    kept = likeness > 0
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return sp.csr_matrix((likeness[kept], pool[found[kept]].astype(np.int32), indptr), shape=(n, n))


def _split(features: Csr) -> _Split:
    carriers = np.bincount(features.indices, minlength=features.shape[1])
    is_common = carriers > max(COMMON * features.shape[0], 1)
    rare = sp.csr_matrix(features[:, np.flatnonzero(~is_common)], dtype=np.float32)
    return _Split(rare, features[:, np.flatnonzero(is_common)].toarray().astype(np.float32))


def _arrays(matrix: Csr) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32)


@numba.njit(parallel=True, cache=True, nogil=True)
def _search(rare, common, postings, pooled, place, found, likeness):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write each row's best of the pool to `found` and `likeness` [n, k]; `place` [n] is where a row is in the pool."""
    starts, feature, value = rare
    (n, k), m = found.shape, len(pooled)
    reach = np.sqrt((pooled * pooled).sum(axis=1))
    for chunk in numba.prange(CHUNKS):
        score, met, met_by = np.zeros(m, np.float32), np.empty(m, np.int32), np.full(m, -1, np.int64)
        for j in range(chunk, n, CHUNKS):
            if place[j] >= 0:
                met_by[place[j]] = j
            own = slice(starts[j], starts[j + 1])
            size = _sum_rare(feature[own], value[own], postings, j, score, met, met_by)
            length = SLACK * np.sqrt((common[j] * common[j]).sum())
            if length > 0:
                least = np.partition(score[met[:size]], size - k)[size - k] if size >= k else np.float32(0)
                size = _meet_others(length, reach, least, j, size, score, met, met_by)
                size = _add_common(length, reach, least, common[j], pooled, size, score, met)
            _keep_largest(score, met[:size], found[j], likeness[j])


@numba.njit(cache=True, nogil=True, forceinline=True)
def _sum_rare(features, values, postings, j, score, met, met_by):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Sum row j's rare features over all that share one, which come to `met`; return how many."""
    starts, carrier, weight = postings
    size = 0
    for a in range(len(features)):
        for b in range(starts[features[a]], starts[features[a] + 1]):
            p = carrier[b]
            if met_by[p] != j:
                met_by[p] = j
                score[p] = 0
                met[size] = p
                size += 1
            score[p] += values[a] * weight[b]
    return size


@numba.njit(cache=True, nogil=True, forceinline=True)
def _meet_others(length, reach, least, j, size, score, met, met_by):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Let those come to `met` that share nothing rare and may yet be as good as `least`; return how many there are."""
    if length * reach.max() >= least:
        for p in range(len(reach)):
            if met_by[p] != j and length * reach[p] >= least:
                score[p] = 0
                met[size] = p
                size += 1
    return size


@numba.njit(cache=True, nogil=True, forceinline=True)
def _add_common(length, reach, least, own, pooled, size, score, met):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Add what common features say of those of `met` that may yet be as good as `least`; the others go."""
    within = 0
    for r in range(size):
        p = met[r]
        if score[p] + length * reach[p] >= least:
            for f in range(len(own)):
                score[p] += own[f] * pooled[p, f]
            met[within] = p
            within += 1
    return within


@numba.njit(cache=True, nogil=True, forceinline=True)
def _keep_largest(score, met, found, likeness):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the largest scores of `met` and whose they are; of equal ones the first met."""
    k, size = len(found), len(met)
    least = np.partition(score[met], size - k)[size - k] if size > k else np.float32(0)
    kept = 0
    for p in met:
        if score[p] > least:
            found[kept], likeness[kept] = p, score[p]
            kept += 1
    for p in met:
        if kept < k and score[p] == least and least > 0:
            found[kept], likeness[kept] = p, least
            kept += 1
