"""What one expert says to one request, asked only for what an answer needs: its best items, and scores of some.

Owns the ways of saying it: in full, by a matrix, by an order that is the same for everybody, of a few items, or not at
all. Whichever it is, `scores` in full, `of` some rows and `best` say the same to the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.scoring.kernel import Matrix, Wanted
from coldframe.scoring.ranking import best_of, best_rows
from coldframe.scoring.request import Request

NOTHING: Rows = np.empty(0, np.int32)


class Opinion(Protocol):
    """Higher is better, NaN says "cannot score this item"."""

    @property
    def spoke(self) -> bool:
        """Whether it can say anything of any item."""
        ...

    def scores(self) -> Floats:
        """Return every item's score, float32 [n_items]."""
        ...

    def of(self, rows: Rows) -> Floats:
        """Return the scores of some items, float32 [len(rows)]."""
        ...

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return for each wish the k best of the items it allows that have a score, ties by lot of `key`."""
        ...


@dataclass(frozen=True)
class InFull:
    """Every item's score, float32 [n_items]."""

    said: Floats

    @property
    def spoke(self) -> bool:
        """Whether any is known."""
        return not bool(np.isnan(self.said).all())

    def scores(self) -> Floats:
        """Return them."""
        return self.said

    def of(self, rows: Rows) -> Floats:
        """Return some of them."""
        return self.said[rows]

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return the best of each wish."""
        known = ~np.isnan(self.said)
        return [
            best_rows(np.flatnonzero(each.among & known), self.said, each.k, key).astype(np.int32) for each in wanted
        ]


@dataclass(frozen=True)
class Silence:
    """Nothing about `n_items` items."""

    n_items: int
    spoke = False

    def scores(self) -> Floats:
        """Return NaN for every item."""
        return np.full(self.n_items, np.nan, np.float32)

    def of(self, rows: Rows) -> Floats:
        """Return NaN."""
        return np.full(len(rows), np.nan, np.float32)

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return no item."""
        del key
        return [NOTHING for _ in wanted]


@dataclass(frozen=True)
class ByMatrix:
    """Inner products of a matrix with one finite vector, of the items of `can_score`, which are `n_scored`."""

    matrix: Matrix
    vector: Floats
    can_score: Bools
    n_scored: int

    @property
    def spoke(self) -> bool:
        """Whether there are any."""
        return self.n_scored > 0

    def scores(self) -> Floats:
        """Return them all."""
        return np.where(self.can_score, self.matrix.scores(self.vector), np.float32(np.nan))

    def of(self, rows: Rows) -> Floats:
        """Return some."""
        scores = self.matrix.of(self.vector, rows)
        if self.n_scored < len(self.can_score):
            scores[~self.can_score[rows]] = np.nan
        return scores

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return the best by a scan that leaves out only what cannot be among them."""
        if self.n_scored < len(self.can_score):
            wanted = [Wanted(each.among & self.can_score, each.k) for each in wanted]
        return self.matrix.best(self.vector, wanted, key)


@dataclass(frozen=True)
class InOrder:
    """Scores known beforehand, with their order: `descending` are the rows that have one, best first, int32."""

    said: Floats
    descending: Rows

    @property
    def spoke(self) -> bool:
        """Whether any is known."""
        return len(self.descending) > 0

    def scores(self) -> Floats:
        """Return them."""
        return self.said

    def of(self, rows: Rows) -> Floats:
        """Return some of them."""
        return self.said[rows]

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return the best of each wish, from the top down as far as it must look."""
        return [self._best(each, key) for each in wanted]

    def _best(self, wanted: Wanted, key: int) -> Rows:
        among, rows, size = wanted.among, self.descending, 4 * wanted.k + 64
        found = rows[:size][among[rows[:size]]]
        while size < len(rows) and not self._complete(found, rows[size], wanted.k):
            size *= 4
            found = rows[:size][among[rows[:size]]]
        first = self.said[found[: wanted.k + 1]]
        if (first[1:] < first[:-1]).all():  # nothing is tied with anything
            return found[: wanted.k]
        return best_rows(found, self.said, wanted.k, key)

    def _complete(self, found: Rows, following: np.int32, k: int) -> bool:
        """Return whether k rows are found and no row behind can be tied with the k-th."""
        return len(found) >= k and bool(self.said[following] < self.said[found[k - 1]])


@dataclass(frozen=True)
class OfFew:
    """Scores of some items, rows ascending, and nothing about the others of `n_items`."""

    rows: Rows
    said: Floats
    n_items: int

    @property
    def spoke(self) -> bool:
        """Whether there are any."""
        return len(self.rows) > 0

    def scores(self) -> Floats:
        """Return every item's, NaN where nothing is said."""
        scores = np.full(self.n_items, np.nan, np.float32)
        scores[self.rows] = self.said
        return scores

    def of(self, rows: Rows) -> Floats:
        """Return those of some items."""
        if not len(self.rows):
            return np.full(len(rows), np.nan, np.float32)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, self.said[place], np.float32(np.nan))

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return the best of each wish."""
        return [self._best(each, key) for each in wanted]

    def _best(self, wanted: Wanted, key: int) -> Rows:
        known = wanted.among[self.rows]
        rows, said = self.rows[known], self.said[known]
        return rows[best_of(rows, said, wanted.k, key)]


class SpeaksInFull:
    """An expert that scores every item whenever it is asked, because it knows no shorter way."""

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        raise NotImplementedError

    def opinion(self, request: Request) -> Opinion:
        """Return what it says, in full."""
        return InFull(self.score(request))

    def prepare(self) -> None:
        """Nothing is to be done before the first request."""


class SpeaksBriefly:
    """An expert whose scores in full are those of its opinion."""

    def opinion(self, request: Request) -> Opinion:
        """Return what it says."""
        raise NotImplementedError

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        return self.opinion(request).scores()

    def prepare(self) -> None:
        """Do before the first request what all requests need."""


def descending(scores: NDArray[np.float32]) -> Rows:
    """Return all rows that have a score, best first, int32.

    >>> descending(np.array([1, 3, np.nan, 2], np.float32)).tolist()
    [1, 3, 0]
    """
    order = np.argsort(-scores, kind="stable")
    return order[: int(np.sum(~np.isnan(scores)))].astype(np.int32)
