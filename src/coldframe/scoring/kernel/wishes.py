"""What is wanted of a matrix, what was found, and how exact scores decide between the rows that a scan left.

Owns no scan: `compiled` and `plain` are two.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.scoring.ranking import best_of


class Wanted(NamedTuple):
    """How many rows are wanted, and among which: a mask, bool [n]."""

    among: Bools
    k: int


class Best(NamedTuple):
    """The best rows of each wish, best first, and how many rows its scan could not leave out."""

    rows: list[Rows]
    scanned: list[int]


class Scores(Protocol):
    """Exact scores."""

    def scores(self, query: Floats, rows: Rows | None) -> Floats:
        """Return those of some rows, or of all."""
        ...


def by_scoring(of: Scores, query: Floats, left: Sequence[NDArray[Any]], wanted: Sequence[Wanted], key: int) -> Best:
    """Return the best rows of each wish among those that are left for it."""
    rows = [each.astype(np.int32, copy=False) for each in left]
    return Best(
        [_ranked(of, query, some, each.k, key) for some, each in zip(rows, wanted, strict=True)],
        [len(some) for some in rows],
    )


def _ranked(of: Scores, query: Floats, rows: Rows, k: int, key: int) -> Rows:
    scores = of.scores(query, rows)
    known = ~np.isnan(scores)
    rows, scores = rows[known], scores[known]
    return rows[best_of(rows, scores, k, key)]
