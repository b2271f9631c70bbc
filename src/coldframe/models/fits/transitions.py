"""What comes after what: decayed counts of one item following another in a user's own order."""

import numpy as np
import scipy.sparse as sp

from coldframe.models.csr import Csr
from coldframe.models.fits.item_item import sparse_rows
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import ItemItem
from coldframe.scoring.profile import Recall

MAX_PAIRS = 60_000_000
"""Pairs of events looked at: a long log looks less far back."""


def fit_transitions(workshop: Workshop) -> ItemItem | None:
    """Return the transition expert; None where every event has one and the same time, so that nothing follows."""
    settings = workshop.settings.transitions
    pairs = _pairs(workshop)
    if pairs.nnz == 0:
        return None
    out = np.asarray(pairs.sum(axis=1)).ravel()
    scale = np.where(out > 0, np.maximum(out, 1e-9) ** -settings.exponent, 0).astype(np.float32)
    matrix = sp.csr_matrix(sp.diags(scale) @ pairs, dtype=np.float32)
    can_score = np.bincount(pairs.indices, minlength=pairs.shape[1]) > 0
    recall = Recall(step_decay=settings.step_decay)
    return ItemItem(
        name="transitions", family="collaborative", can_score=can_score, recall=recall, matrix=sparse_rows(matrix)
    )


def _pairs(workshop: Workshop) -> Csr:
    """Return Σ decay^(steps − 1) over pairs i before j, plus `backward` times that for j before i, [n_items, n_items].

    A step is a distinct moment of the user's; pairs within one moment have no order and do not count.
    """
    settings, n = workshop.settings.transitions, workshop.training_set.n_items
    events = workshop.training_set.interactions
    liked = events.where(events.weight > 0)
    order = np.lexsort((liked.timestamp, liked.user))
    user, item, time = liked.user[order], liked.item[order], liked.timestamp[order]
    step = np.cumsum(np.diff(time, prepend=time[:1]) != 0)
    forward: Csr = sp.csr_matrix((n, n), dtype=np.float32)
    reach = min(settings.reach, max(1, MAX_PAIRS // max(len(user), 1)), len(user) - 1)
    for gap in range(1, reach + 1):
        same = user[gap:] == user[:-gap]
        steps = step[gap:] - step[:-gap]
        kept = same & (steps > 0) & (steps <= settings.max_steps)
        if not same.any():
            break
        weight = settings.decay ** (steps[kept] - 1.0)
        pairs = sp.coo_matrix((weight, (item[:-gap][kept], item[gap:][kept])), shape=(n, n), dtype=np.float32)
        forward = forward + pairs.tocsr()
    forward.setdiag(0)
    forward.eliminate_zeros()
    return sp.csr_matrix(forward + settings.backward * forward.T, dtype=np.float32)
