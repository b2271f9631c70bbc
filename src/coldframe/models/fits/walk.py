"""A short random walk: from a user's items to their users, and on to those users' items.

RP3beta (Paudel et al. 2016) in matrix form: B = D_i^−a X' D_u^−c X D_i^−b. It says nothing that EASE does not see, but
says it without solving against anything, so the two err on different items.
"""

import numpy as np
import scipy.sparse as sp

from coldframe.models.csr import Csr, largest_of_rows
from coldframe.models.fits.item_item import sparse_rows
from coldframe.models.gram import ItemGram
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import ItemItem
from coldframe.scoring.profile import Recall


def fit_walk(workshop: Workshop) -> ItemItem | None:
    """Return the walk over the warm items; None with fewer than two of them."""
    if workshop.is_warm.sum() < 2:
        return None
    settings = workshop.settings.walk
    gram = ItemGram.of(workshop.seen, workshop.is_warm, settings.user_exponent, workshop.settings.item_item)
    degree = np.maximum(np.asarray(workshop.seen[:, gram.rows].sum(axis=0)).ravel(), 1e-9)
    start, end = (sp.diags((degree**-exponent).astype(np.float32)) for exponent in (settings.start, settings.end))
    walk: Csr = sp.csr_matrix(start @ gram.matrix @ end, dtype=np.float32)
    walk.setdiag(0)
    walk.eliminate_zeros()
    kept = largest_of_rows(walk.T.tocsr(), workshop.settings.item_item.kept_per_item).tocoo()
    shape = (workshop.training_set.n_items,) * 2
    matrix = sp.csr_matrix((kept.data, (gram.rows[kept.col], gram.rows[kept.row])), shape=shape, dtype=np.float32)
    recall = Recall(half_life_days=settings.half_life_days)
    return ItemItem(
        name="walk",
        family="collaborative",
        can_score=workshop.is_warm,
        recall=recall,
        matrix=sparse_rows(matrix),
    )
