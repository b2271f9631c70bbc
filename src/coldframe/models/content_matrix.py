"""Content as one sparse matrix, and the same in few columns.

Owns TF-IDF and its leading directions. Works in any language, since words are whatever the dataset hashed.
"""

import numpy as np
import scipy.sparse as sp

from coldframe.dataset.training_set import Bags, Floats, ItemFeatures
from coldframe.models.csr import Csr
from coldframe.models.decomposition import leading_vectors

RANK = 128
"""Directions that the TF-IDF matrix is condensed to (latent semantic analysis, Deerwester et al. 1990)."""


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
