"""Content as one sparse matrix, the same in few columns, and which items are alike by it.

Owns TF-IDF, its leading directions and nearest neighbours. Works in any language, since words are whatever the dataset
hashed.
"""

import numpy as np
import scipy.sparse as sp

from coldframe.dataset.training_set import Bags, Bools, Floats, ItemFeatures
from coldframe.models.csr import Csr
from coldframe.models.decomposition import leading_vectors

RANK = 128
"""Directions that the TF-IDF matrix is condensed to (latent semantic analysis, Deerwester et al. 1990)."""
BLOCK = 2_048
"""Rows whose similarities are held at once."""


def tf_idf(features: ItemFeatures, *, length_exponent: float = 0.0) -> Csr:
    """Return categories, tags and words side by side, weighted by rarity, rows of length 1 (0 where nothing is known).

    A feature of every item says nothing and weighs nothing. With an exponent a row is (length ÷ mean)^exponent long,
    since cosines put items described in few words first more often than people take them (after the pivoted
    normalisation of Singhal, Buckley and Mitra 1996).
    """
    parts = [_matrix(bags) for bags in (features.categories, features.tags, features.words) if bags.n_features]
    if not parts:
        return sp.csr_matrix((len(features.categories), 0), dtype=np.float32)
    counts: Csr = sp.hstack(parts, format="csr", dtype=np.float32)
    counts.sum_duplicates()
    carriers = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log(max(counts.shape[0], 1) / np.maximum(carriers, 1)).astype(np.float32)
    weighted = counts.copy()
    weighted.data = (1 + np.log(weighted.data)) * rarity[weighted.indices]
    weighted.eliminate_zeros()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    known = length > 0
    usual = length.sum() / max(known.sum(), 1)
    kept = np.divide(length, usual, where=known, out=np.ones_like(length)) ** length_exponent
    scale = np.divide(kept, length, where=known, out=np.zeros_like(length)).astype(np.float32)
    return sp.csr_matrix(sp.diags(scale) @ weighted, dtype=np.float32)


def condensed(features: Csr, numeric: Floats, draw: np.random.Generator) -> Floats:
    """Return each item in few columns, float32 [n_items, width]: TF-IDF in its leading directions, and numerics.

    A numeric enters as its standardised signed log(1 + |x|), 0 where unknown, beside a flag that says so.
    """
    parts = [_standardised(numeric)]
    if min(features.shape) > 1 and features.nnz:
        used = features[:, np.unique(features.indices)]
        projected = used @ leading_vectors(used, RANK, draw)
        parts.append((projected / max(float(projected.std()), 1e-9)).astype(np.float32))
    return np.concatenate(parts, axis=1)


def nearest(features: Csr, among: Bools, *, k: int) -> Csr:
    """Return for every row its k most alike other rows of `among`, cosines above 0, float32 [n, n]."""
    n = features.shape[0]
    pool = np.flatnonzero(among)
    pooled = features[pool].T.tocsr()
    rows: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for start in range(0, n, BLOCK):
        block = (features[start : start + BLOCK] @ pooled).toarray()
        own = np.searchsorted(pool, np.arange(start, min(start + BLOCK, n)))
        inside = (own < len(pool)) & (pool[np.minimum(own, len(pool) - 1)] == np.arange(start, start + len(own)))
        block[np.flatnonzero(inside), own[inside]] = 0
        best = np.argpartition(-block, min(k, block.shape[1] - 1), axis=1)[:, :k]
        likeness = np.take_along_axis(block, best, axis=1)
        kept = likeness > 0
        rows.append((start + np.nonzero(kept)[0]).astype(np.int32))
        columns.append(pool[best[kept]].astype(np.int32))
        values.append(likeness[kept])
    data = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sp.csr_matrix(sp.coo_matrix(data, shape=(n, n)), dtype=np.float32)


def _matrix(bags: Bags) -> Csr:
    shape = (len(bags), bags.n_features)
    return sp.csr_matrix((np.ones(len(bags.indices), np.float32), bags.indices, bags.indptr), shape=shape)


def _standardised(numeric: Floats) -> Floats:
    unknown = ~np.isfinite(numeric)
    known = (~unknown).sum(axis=0)
    size = np.where(unknown, 0, numeric)
    scaled = np.sign(size) * np.log1p(np.abs(size))
    mean = scaled.sum(axis=0) / np.maximum(known, 1)
    spread = np.sqrt(np.where(unknown, 0, (scaled - mean) ** 2).sum(axis=0) / np.maximum(known, 1))
    ready = np.where(unknown, 0, (scaled - mean) / np.where(spread > 1e-6, spread, 1))
    return np.concatenate([ready, unknown], axis=1).astype(np.float32)
