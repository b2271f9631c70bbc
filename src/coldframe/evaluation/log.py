"""Every user's events in order of time, so that "what was known before this moment" is one slice.

Owns the grouping of events by user. Never looks at or beyond the moment it is asked about.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Interactions, Rows, Times, Vocabulary
from coldframe.errors import InputError
from coldframe.evaluation.plan import Weigh
from coldframe.scoring.request import History


@dataclass(frozen=True)
class Log:
    """Events over item rows, grouped by actor (user, or the session standing in for one), oldest first within.

    Actor a has the entries `starts[a]:starts[a + 1]` of the parallel arrays; equal times keep the order of the file.
    """

    actors: Vocabulary
    starts: NDArray[np.int64]
    item: Rows
    weight: Floats
    timestamp: Times

    @property
    def actor(self) -> NDArray[np.int64]:
        """Actor row of each event."""
        return np.repeat(np.arange(len(self.actors)), np.diff(self.starts))

    def interactions(self, *, before: int) -> Interactions:
        """Return every actor's events with timestamp < `before` (µs), as a training set holds them."""
        early = self.timestamp < before
        actor = self.actor[early].astype(np.int32)
        return Interactions(actor, self.item[early], self.weight[early], self.timestamp[early])

    def history(self, actor: int, before: int) -> History:
        """Return an actor's events with timestamp < `before` (µs); empty for actor −1.

        Those worth 0 are left out: training and serving do not see them either.
        """
        past = self._before(actor, before)
        item, weight, timestamp = self.item[past], self.weight[past], self.timestamp[past]
        told = weight != 0
        return History(item, weight, timestamp) if told.all() else History(item[told], weight[told], timestamp[told])

    def had(self, actor: int, before: int) -> Rows:
        """Return the items of all of an actor's events with timestamp < `before` (µs), whatever they are worth."""
        return self.item[self._before(actor, before)]

    def liked(self, actor: int) -> Rows:
        """Return the distinct items of an actor's events of positive weight, ascending."""
        part = slice(int(self.starts[actor]), int(self.starts[actor + 1]))
        return np.unique(self.item[part][self.weight[part] > 0])

    def _before(self, actor: int, before: int) -> slice:
        if actor < 0:
            return slice(0, 0)
        start, stop = int(self.starts[actor]), int(self.starts[actor + 1])
        return slice(start, start + int(np.searchsorted(self.timestamp[start:stop], before, side="left")))


def read_log(events: pl.DataFrame, items: Vocabulary, weigh: Weigh) -> Log:
    """Return the events grouped by actor, over the rows of `items`.

    Raises `InputError` when an event is on an item that the vocabulary lacks.
    """
    actor_ids = events.select(pl.coalesce("user_id", "session_id").alias("actor"))["actor"]
    actors = Vocabulary(tuple(sorted(actor_ids.unique().to_list())))
    item = items.rows(events["item_id"].to_list())
    if len(item) and int(item.min()) < 0:
        lost = events["item_id"][int(np.argmin(item))]
        raise InputError(f"Item {lost!r} has events but no row.", remedy="Build the training set from Split.items.")
    actor = actors.rows(actor_ids.to_list())
    timestamp = events["timestamp"].dt.epoch("us").to_numpy().astype(np.int64)
    order = np.lexsort((timestamp, actor))
    starts = np.searchsorted(actor[order], np.arange(len(actors) + 1)).astype(np.int64)
    return Log(actors, starts, item[order], weigh(events)[order], timestamp[order])
