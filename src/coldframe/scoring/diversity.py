"""A list of many kinds: maximal marginal relevance (Carbonell and Goldstein 1998) within a declared cost.

Owns the trade between score and likeness, and the promise that it never costs more than its budget.
"""

from collections.abc import Callable, Sequence

import numpy as np

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.rules import Places, Room

STRENGTHS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""How much likeness to what is shown already counts against an item, score for the rest; weak to strong."""


def diversified(
    best: Places,
    pool: Sequence[int],
    scores: Floats,
    alike: Floats,
    rows: Rows,
    budget: float,
    room: Callable[[], Room],
) -> Places:
    """Return as many places as `best` has, of many kinds, that together lose at most `budget` of its summed score.

    `pool` are the places to choose from, `alike` [len(pool), len(pool)] how alike they are, −1 … 1, `scores` and `rows`
    those of all candidates, `room` makes a room with what is taken before. The loss is Σ scores[best] − Σ scores[found]
    ≤ `budget` × |Σ scores[best]|. Of the strengths that keep to it the strongest counts, else the list stays.
    """
    allowed = budget * abs(_total(scores, best))
    found, weak, strong = best, 0, len(STRENGTHS)
    while weak < strong:
        middle = (weak + strong) // 2
        chosen = _marginal(len(best), pool, scores, alike, rows, STRENGTHS[middle], room())
        if len(chosen) == len(best) and _total(scores, best) - _total(scores, chosen) <= allowed:
            found, weak = chosen, middle + 1
        else:
            strong = middle
    return found


def _total(scores: Floats, places: Places) -> float:
    return float(scores[places].sum(dtype=np.float64))


def _marginal(
    n: int, pool: Sequence[int], scores: Floats, alike: Floats, rows: Rows, strength: float, room: Room
) -> Places:
    """Choose one after the other the item of the best (1 − strength) × score − strength × likeness to its nearest."""
    worth = _in_0_1(scores[list(pool)]) * np.float32(1 - strength)
    nearest = np.full(len(pool), -1, np.float32)
    chosen: Places = []
    while len(chosen) < n:
        value = worth - np.float32(strength) * nearest
        at = int(np.argmax(value))
        if value[at] == -np.inf:
            break
        worth[at] = -np.inf
        if room.took(int(rows[pool[at]])):
            chosen.append(pool[at])
            nearest = np.maximum(nearest, alike[at])
    return chosen


def _in_0_1(scores: Floats) -> Floats:
    exact = scores.astype(np.float64)
    lowest = exact.min(initial=np.inf)
    width = exact.max(initial=-np.inf) - lowest
    return ((exact - lowest) / width if width > 0 else np.zeros_like(exact)).astype(np.float32)
