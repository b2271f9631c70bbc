"""Items that came since the training, or were described anew: they are scored at once, by what they are like.

Such an item inherits from each expert that rests on content the weighted mean of what that expert says of its nearest
known items. Of one that came, other experts cannot say, as of any item that nobody took: to the mixer it is one more
such item, and what somebody did with it counts as done with the known item that is most like it. Of one that was
described anew they say what they said. Owns that inheritance; rows of newcomers follow those of the bundle, and the
bundle itself does not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel import Wanted
from coldframe.scoring.likeness import Near
from coldframe.scoring.opinion import Opinion, SpeaksBriefly
from coldframe.scoring.ranking import best_of
from coldframe.scoring.request import Expert, Family, History, Request
from coldframe.scoring.space import Placed, Space, Units, in_space


@dataclass(frozen=True)
class Newcomers:
    """Whom items are near to, `near`: first the known ones, of `n_known`, that were described anew, whose rows `edited`
    are, int32 ascending; then the new ones, whose rows are those from `n_known` on.
    """

    n_known: int
    near: Near
    edited: Rows

    @property
    def n_new(self) -> int:
        """How many of them are new."""
        return len(self.near.items) - len(self.edited)

    @cached_property
    def new(self) -> Rows:
        """Rows of the new ones."""
        return np.arange(self.n_known, self.n_known + self.n_new, dtype=np.int32)

    @cached_property
    def rows(self) -> Rows:
        """Rows of all of them, ascending."""
        return np.concatenate([self.edited, self.new])

    def known(self, request: Request) -> Request:
        """Return the request as the bundle's own experts can be asked it."""
        if self.n_known not in request.narrowed:
            request.narrowed[self.n_known] = replace(
                request,
                history=self._known_history(request.history),
                allowed=None if request.allowed is None else request.allowed[: self.n_known],
                item_counts=None if request.item_counts is None else request.item_counts[: self.n_known],
            )
        return request.narrowed[self.n_known]

    def _known_history(self, history: History) -> History:
        if not (history.item >= self.n_known).any():
            return history
        nearest = np.append(np.arange(self.n_known, dtype=np.int32), self.near.items[len(self.edited) :, 0])
        item = nearest[history.item]
        kept = item >= 0
        return History(item[kept], history.weight[kept], history.timestamp[kept])

    def inherited(self, opinion: Opinion) -> Floats:
        """Return what an opinion on known items makes of each of `rows`, float32, NaN where nothing."""
        rows, place = self._asked
        said = np.append(opinion.of(rows), np.float32(np.nan))[place]
        weights = np.where(np.isnan(said), np.float32(0), self.near.weights)
        total = weights.sum(axis=1)
        mean = (weights * np.nan_to_num(said)).sum(axis=1) / np.where(total > 0, total, 1)
        return np.where(total > 0, mean, np.nan).astype(np.float32)

    def placed(self, space: Space) -> Floats:
        """Return where each of `rows` is in a space, [len(rows), dim]: in the direction of what it is like."""
        rows, place = self._asked
        units = space.unit_of(rows)
        nowhere = np.zeros((1, units.shape[1]), np.float32)
        return np.einsum("ij,ijd->id", self.near.weights, np.concatenate([units, nowhere])[place])

    @cached_property
    def _asked(self) -> tuple[Rows, Rows]:
        """The known items that anybody is near to, ascending, and each neighbour's place there, or the end for none."""
        rows = np.unique(self.near.items)
        rows = rows[rows >= 0].astype(np.int32)
        place = np.searchsorted(rows, self.near.items)
        return rows, np.where(self.near.items >= 0, place, len(rows)).astype(np.int32)


@dataclass(frozen=True)
class Extended:
    """An opinion on `n_known` items, and float32 `said` of others, whose `rows` are ascending: of those that it does
    not know, and of those of which it counts no more.
    """

    known: Opinion
    n_known: int
    rows: Rows
    said: Floats

    @property
    def spoke(self) -> bool:
        """Whether it can say anything of any item."""
        return self.known.spoke

    def scores(self) -> Floats:
        """Return every item's score, newcomers last."""
        n_new = len(self.rows) - int(np.searchsorted(self.rows, self.n_known))
        found = np.append(self.known.scores(), np.empty(n_new, np.float32))
        found[self.rows] = self.said
        return found

    def of(self, rows: Rows) -> Floats:
        """Return the scores of some items."""
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        own = self.rows[place] == rows
        if not own.any():
            return self.known.of(rows)
        found = np.empty(len(rows), np.float32)
        found[~own], found[own] = self.known.of(rows[~own]), self.said[place[own]]
        return found

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return the best of each wish, newcomers among them."""
        known = self.known.best([self._of_known(each) for each in wanted], key)
        return [self._best(each, rows, key) for each, rows in zip(wanted, known, strict=True)]

    def _of_known(self, wanted: Wanted) -> Wanted:
        among, edited = wanted.among[: self.n_known], self.rows[self.rows < self.n_known]
        if len(edited):
            among = among.copy()
            among[edited] = False
        return Wanted(among, wanted.k)

    def _best(self, wanted: Wanted, known: Rows, key: int) -> Rows:
        own = self.rows[wanted.among[self.rows] & ~np.isnan(self.said)]
        if not len(own):
            return known
        rows = np.concatenate([known, own])
        return rows[best_of(rows, self.of(rows), wanted.k, key)]


class Heir(SpeaksBriefly):
    """A bundle's expert that is asked about newcomers, too."""

    def __init__(self, expert: Expert, newcomers: Newcomers) -> None:
        """Take an expert whose items are the newcomers' known ones."""
        self.name: str = expert.name
        self.family: Family = expert.family
        self._expert, self._newcomers = expert, newcomers
        self._nothing = np.full(newcomers.n_new, np.nan, np.float32)

    def opinion(self, request: Request) -> Opinion:
        """Return what the expert says of what it knows, and what others inherit where it rests on content."""
        newcomers = self._newcomers
        said = self._expert.opinion(newcomers.known(request))
        if self.family == "content" and said.spoke:
            return Extended(said, newcomers.n_known, newcomers.rows, newcomers.inherited(said))
        return Extended(said, newcomers.n_known, newcomers.new, self._nothing) if newcomers.n_new else said

    def prepare(self) -> None:
        """Do what the expert does before the first request."""
        self._expert.prepare()

    @cached_property
    def space(self) -> Space | None:
        """Where the expert's items are, others where those that they are like are; None if nowhere."""
        space, newcomers = in_space(self._expert), self._newcomers
        if space is None:
            return None
        vectors = newcomers.placed(space)
        if self.family == "content":
            return Placed(space, newcomers.n_known, newcomers.rows, Units(vectors))
        return Placed(space, newcomers.n_known, newcomers.new, Units(np.zeros_like(vectors[len(newcomers.edited) :])))
