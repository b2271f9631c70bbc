"""What an item is worth to somebody, told from the items that it is most like: ridge regression on a kernel.

Smoothing gives every neighbour a vote by its likeness; regression also knows what neighbours are like one another, so
that ten copies of one article speak as one (Gaussian process regression, Rasmussen and Williams 2006, chapter 2). Each
item is solved on its own few neighbours, so memory and time grow with the catalogue and no faster.
"""

import numba
import numpy as np
import scipy.sparse as sp

from coldframe.models.csr import Csr
from coldframe.models.elimination import add_inner_products, solve_upper

CHUNKS = 64


def regressed(features: Csr, near: Csr, ridge: float) -> Csr:
    """Return W, float32 [n, n]: row j holds (K_SS + `ridge` I)⁻¹ K_Sj on j's neighbours S, K the inner products.

    `features` [n, n_features] are the rows that K is made of; `near` [n, n] holds K_jS of each row's neighbours. What a
    neighbour i is worth becomes what j is worth: Σ_i W_ji × worth of i.
    """
    weights = np.zeros(near.nnz, np.float32)
    likeness = (near.indptr.astype(np.int64), near.indices, near.data)
    rows = (features.indptr.astype(np.int64), features.indices, features.data)
    _solve_rows(likeness, rows, features.shape[1], np.float32(ridge), weights)
    return sp.csr_matrix((weights, near.indices, near.indptr), shape=near.shape)


@numba.njit(parallel=True, cache=True, nogil=True)
def _solve_rows(near, features, n_features, ridge, weights):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    starts, neighbours, likeness = near
    for chunk in numba.prange(CHUNKS):
        spread = np.zeros(n_features, np.float32)
        for j in range(chunk, len(starts) - 1, CHUNKS):
            own = neighbours[starts[j] : starts[j + 1]]
            if len(own) == 0:
                continue
            kernel = np.zeros((len(own), len(own)), np.float32)
            add_inner_products(features, own, np.float32(1), spread, kernel)
            for a in range(len(own)):
                kernel[a, a] += ridge
            right = likeness[starts[j] : starts[j + 1]].copy()
            solve_upper(kernel, right, ridge, weights[starts[j] : starts[j + 1]])
