"""Which items people come back for."""

import numpy as np

from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Repeat
from coldframe.scoring.profile import Recall

PRIOR = 10.0
"""Users by which an item's share of returning ones is drawn towards the catalogue's."""


def fit_repeat(workshop: Workshop) -> Repeat | None:
    """Return the repeat expert; None where hardly anybody ever takes an item again."""
    events = workshop.training_set.interactions
    liked = events.where(events.weight > 0)
    n_items = workshop.training_set.n_items
    pair = liked.user.astype(np.int64) * n_items + liked.item
    order = np.lexsort((liked.timestamp, pair))
    pair, time = pair[order], liked.timestamp[order]
    is_new = np.diff(pair, prepend=-1) != 0
    pairs, times = np.unique(pair[is_new | (np.diff(time, prepend=time[:1]) != 0)], return_counts=True)
    users = np.bincount(pairs % n_items, minlength=n_items)
    again = np.bincount(pairs[times > 1] % n_items, minlength=n_items)
    share = again.sum() / max(users.sum(), 1)
    if share < workshop.settings.repeat.least_share:
        return None
    readiness = ((again + PRIOR * share) / (users + PRIOR)).astype(np.float32)
    recall = Recall(half_life_days=workshop.settings.repeat.half_life_days, cap=0.0)
    return Repeat("repeat", "collaborative", readiness**0.5, recall)
