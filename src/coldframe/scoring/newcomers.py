"""Items that came since the training: they are scored at once, by what they are like.

A newcomer inherits from each expert that rests on content the weighted mean of what that expert says of its nearest
known items; other experts cannot say, as of any item that nobody took. To the mixer it is one more such item. What
somebody did with a newcomer counts as done with the known item that is most like it. Owns that inheritance; rows of
newcomers follow those of the bundle, and the bundle itself does not change.
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
from coldframe.scoring.space import Followed, Space, Units, in_space


@dataclass(frozen=True)
class Newcomers:
    """New items after `n_known` known ones, and whom they are near to."""

    n_known: int
    near: Near

    def __len__(self) -> int:
        return len(self.near.items)

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
        nearest = np.concatenate([np.arange(self.n_known, dtype=np.int32), self.near.items[:, 0]])
        item = nearest[history.item]
        kept = item >= 0
        return History(item[kept], history.weight[kept], history.timestamp[kept])

    def inherited(self, opinion: Opinion) -> Floats:
        """Return what an opinion on known items makes of the newcomers, float32 [len(self)], NaN where nothing."""
        rows, place = self._asked
        said = np.append(opinion.of(rows), np.float32(np.nan))[place]
        weights = np.where(np.isnan(said), np.float32(0), self.near.weights)
        total = weights.sum(axis=1)
        mean = (weights * np.nan_to_num(said)).sum(axis=1) / np.where(total > 0, total, 1)
        return np.where(total > 0, mean, np.nan).astype(np.float32)

    def placed(self, space: Space) -> Units:
        """Return where the newcomers are in a space: [len(self), dim], in the direction of what they are like."""
        rows, place = self._asked
        units = space.unit_of(rows)
        nowhere = np.zeros((1, units.shape[1]), np.float32)
        return Units(np.einsum("ij,ijd->id", self.near.weights, np.concatenate([units, nowhere])[place]))

    @cached_property
    def _asked(self) -> tuple[Rows, Rows]:
        """The known items that anybody is near to, ascending, and each neighbour's place there, or the end for none."""
        rows = np.unique(self.near.items)
        rows = rows[rows >= 0].astype(np.int32)
        place = np.searchsorted(rows, self.near.items)
        return rows, np.where(self.near.items >= 0, place, len(rows)).astype(np.int32)


@dataclass(frozen=True)
class Extended:
    """An opinion on known items and what it makes of newcomers, float32 [n_new]."""

    known: Opinion
    n_known: int
    said: Floats

    @property
    def spoke(self) -> bool:
        """Whether it can say anything of any item."""
        return self.known.spoke

    def scores(self) -> Floats:
        """Return every item's score, newcomers last."""
        return np.concatenate([self.known.scores(), self.said])

    def of(self, rows: Rows) -> Floats:
        """Return the scores of some items."""
        new = rows >= self.n_known
        if not new.any():
            return self.known.of(rows)
        found = np.empty(len(rows), np.float32)
        found[~new], found[new] = self.known.of(rows[~new]), self.said[rows[new] - self.n_known]
        return found

    def best(self, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return the best of each wish, newcomers among them."""
        known = self.known.best([Wanted(each.among[: self.n_known], each.k) for each in wanted], key)
        return [self._best(each, rows, key) for each, rows in zip(wanted, known, strict=True)]

    def _best(self, wanted: Wanted, known: Rows, key: int) -> Rows:
        new = np.flatnonzero(wanted.among[self.n_known :] & ~np.isnan(self.said)).astype(np.int32)
        if not len(new):
            return known
        rows = np.concatenate([known, new + np.int32(self.n_known)])
        return rows[best_of(rows, self.of(rows), wanted.k, key)]


class Heir(SpeaksBriefly):
    """A bundle's expert that is asked about newcomers, too."""

    def __init__(self, expert: Expert, newcomers: Newcomers) -> None:
        """Take an expert whose items are the newcomers' known ones."""
        self.name: str = expert.name
        self.family: Family = expert.family
        self._expert, self._newcomers = expert, newcomers
        self._nothing = np.full(len(newcomers), np.nan, np.float32)

    def opinion(self, request: Request) -> Opinion:
        """Return what the expert says of what it knows, and what newcomers inherit where it rests on content."""
        said = self._expert.opinion(self._newcomers.known(request))
        inherits = self.family == "content" and said.spoke
        own = self._newcomers.inherited(said) if inherits else self._nothing
        return Extended(said, self._newcomers.n_known, own)

    def prepare(self) -> None:
        """Do what the expert does before the first request."""
        self._expert.prepare()

    @cached_property
    def space(self) -> Space | None:
        """Where the expert's items are, newcomers where those that they are like are; None if nowhere."""
        space = in_space(self._expert)
        if space is None:
            return None
        placed = self._newcomers.placed(space)
        if self.family != "content":
            placed = Units(np.zeros_like(placed.vectors))
        return Followed(space, self._newcomers.n_known, placed)
