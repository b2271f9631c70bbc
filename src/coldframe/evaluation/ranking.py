"""From one scorer's scores to one list: candidates only, ties by lot, missing scores last.

Owns the order of a list and nothing else.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.errors import InputError
from coldframe.scoring.ranking import best_rows


class TopK(NamedTuple):
    """A list of k item rows, best first, −1 where it ends; the first `n_scored` came from the scorer itself."""

    items: Rows
    n_scored: int


def top_k(scores: Floats, k: int, *, key: int, allowed: Bools | None = None, fallback: Floats | None = None) -> TopK:
    """Return the best k allowed items of scores [n_items].

    A tie goes by a hash of (key, item row), so that no row is favoured: pass another key per request. A NaN score
    ("cannot say") is never ranked among the scored ones; the places left go to the unscored items by `fallback`
    [n_items], or stay empty (−1) without one. The list for a smaller k is a prefix of the list for a larger one.
    Raises `InputError` when scores, allowed and fallback differ in length.

    >>> scores = np.array([0.1, np.nan, 0.9, 0.5], np.float32)
    >>> top_k(scores, 3, key=7, allowed=np.array([True, True, True, False]))
    TopK(items=array([ 2,  0, -1], dtype=int32), n_scored=2)
    >>> top_k(scores, 3, key=7, fallback=np.zeros(4, np.float32)).items.tolist()
    [2, 3, 0]
    """
    for other in (allowed, fallback):
        if other is not None and other.shape != scores.shape:
            raise InputError(f"{scores.shape} scores, but {other.shape} items.", remedy="Return one score per item.")
    unscored = np.isnan(scores)
    open_rows = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
    gaps = bool(unscored.any())
    best = best_rows(open_rows[~unscored[open_rows]] if gaps else open_rows, scores, k, key)
    n_scored = len(best)
    if gaps and fallback is not None and n_scored < k:
        rest = open_rows[unscored[open_rows] & ~np.isnan(fallback[open_rows])]
        best = np.concatenate([best, best_rows(rest, fallback, k - n_scored, key)])
    items = np.full(k, -1, dtype=np.int32)
    items[: len(best)] = best
    return TopK(items, n_scored)


def request_key(seed: int, user_id: str, now: int) -> int:
    """Return the key of one request's ties: 64 bits that depend on nothing but these three."""
    digest = hashlib.blake2b(f"{seed}/{now}/{user_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
