"""Training pairs for the content tower: an item of a user's past, an item he took, and items he never met.

Owns the draw of the past; negatives come from `dataset.negatives`, so that every engine draws the same ones.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.negatives import NegativeSampler
from coldframe.dataset.training_set import Floats, Interactions, Rows
from coldframe.dataset.weights import labels_and_weights
from coldframe.models.workshop import Workshop

MAX_PAIRS = 40_000
"""Positive pairs per training at most, drawn evenly over the window."""


@dataclass(frozen=True)
class Pairs:
    """Examples: `past` and `item` int32 [n], `label` 0 or 1 and `weight` ≥ 0 float32 [n]."""

    past: Rows
    item: Rows
    label: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.past)


def training_pairs(workshop: Workshop) -> Pairs:
    """Return positives, disliked items as label 0 with positive weight, and negatives at the configured ratio."""
    draw = generator(workshop.settings.training.seed, "pairs")
    taken, past = _with_past(workshop.training_set.interactions, draw)
    if len(taken) > MAX_PAIRS:
        kept = np.sort(draw.choice(len(taken), MAX_PAIRS, replace=False))
        taken, past = taken.where(_mask(len(taken), kept)), past[kept]
    label, weight = labels_and_weights(taken.weight)
    sampler = replace(NegativeSampler.of(workshop.training_set, workshop.settings), interactions=taken)
    drawn = sampler.draw(workshop.settings.training.seed)
    return Pairs(
        np.concatenate([past, past[drawn.event]]),
        np.concatenate([taken.item, drawn.item]),
        np.concatenate([label, np.zeros(len(drawn), np.float32)]),
        np.concatenate([weight, weight[drawn.event]]),
    )


def _with_past(events: Interactions, draw: np.random.Generator) -> tuple[Interactions, Rows]:
    """Return the events whose user has another liked item, and one such item for each, drawn evenly."""
    liked = np.flatnonzero(events.weight > 0)
    order = liked[np.argsort(events.user[liked], kind="stable")]
    user = events.user[order]
    first, last = np.searchsorted(user, events.user, "left"), np.searchsorted(user, events.user, "right")
    some = last > first
    pick = first + (draw.random(len(events)) * np.maximum(last - first, 1)).astype(np.int64)
    past = events.item[order[np.minimum(pick, max(len(order) - 1, 0))]] if len(order) else events.item
    kept = some & (past != events.item)
    return events.where(kept), past[kept]


def _mask(n: int, kept: NDArray[np.int64]) -> NDArray[np.bool_]:
    mask = np.zeros(n, np.bool_)
    mask[kept] = True
    return mask
