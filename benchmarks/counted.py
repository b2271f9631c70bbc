"""Questions after a user's first n events, whenever these are: how `datasets.py` and `new_users.py` ask by history.

Owns what is true at such a moment. A history is the first n events in the order of the log, also within one moment.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.training_set import TrainingSet, micros
from coldframe.evaluation import Case, Cases, Plan, Sampling, Split
from coldframe.evaluation.log import Log, read_log
from coldframe.evaluation.plan import Weigh, request_of, sampled
from coldframe.evaluation.visits import FOREVER, Part, lifetimes_of
from coldframe.scoring.request import History


@dataclass(frozen=True)
class Moments:
    """What is true at a moment (µs): as the log says it, or, without one, as training ends."""

    training_set: TrainingSet
    trained: NDArray[np.int32]
    log: Log | None
    born: NDArray[np.int64]

    @staticmethod
    def of(training_set: TrainingSet, log: Log | None) -> "Moments":
        """Return the moments of a log, an item being there just after its first event."""
        trained = np.bincount(training_set.interactions.item, minlength=training_set.n_items).astype(np.int32)
        since = np.full(training_set.n_items, training_set.as_of)
        return Moments(training_set, trained, log, since if log is None else lifetimes_of(log, training_set, ()).begins)

    def arrival(self, times: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """Return when a user's events were; without a log the n-th is moved to the end of training, others with it."""
        return times if self.log is not None else times - times[max(n - 1, 0)] + self.training_set.as_of

    def counts(self, now: int) -> NDArray[np.int32]:
        """Return the events per item by then, [n_items]."""
        if self.log is None:
            return self.trained
        since = (self.log.timestamp >= self.training_set.as_of) & (self.log.timestamp < now)
        return self.trained + np.bincount(self.log.item[since], minlength=len(self.trained)).astype(np.int32)

    def case(self, log: Log, actor: int, n: int, *, horizon: int | None = None) -> Case | None:
        """Return the question after an actor's first n events about what he likes in the next `horizon` (None: all).

        None when that is nothing, or nothing that exists and is new to him.
        """
        own = slice(int(log.starts[actor]), int(log.starts[actor + 1]))
        item, weight, time = log.item[own], log.weight[own], self.arrival(log.timestamp[own], n)
        now = int(time[n - 1]) + 1 if n else int(time[0])
        allowed = self.born <= now
        allowed[item[:n]] = False
        following = slice(n, None if horizon is None else n + horizon)
        later = np.unique(item[following][weight[following] > 0])
        later = later[allowed[later]].astype(np.int32)
        if not len(later):
            return None
        history, user_id = History(item[:n], weight[:n], time[:n]), log.actors.ids[actor]
        return Case(
            user_id,
            request_of(self.training_set, user_id, history, now, allowed, item_counts=self.counts(now)),
            later,
        )


def counted(split: Split, events: pl.DataFrame, counts: Sequence[int], *, horizon: int) -> Split:
    """Return a split by time whose questions are asked after so many events of a user, about the next `horizon`.

    Asked is what follows after the cut: a user's n-th moment counts if the event after it is in the test period.
    """
    parts = [replace(split, later=()), *split.later]
    bounds = [*(micros(part.as_of) for part in parts), FOREVER]
    asked = [
        replace(part, lay_out=_lay_out(Part(begins, ends), bounds[0], events, counts, horizon))
        for part, (begins, ends) in zip(parts, pairwise(bounds), strict=True)
    ]
    return replace(asked[0], later=tuple(asked[1:]))


def _lay_out(
    part: Part, opens: int, events: pl.DataFrame, counts: Sequence[int], horizon: int
) -> Callable[[TrainingSet, Weigh, Sampling], Plan]:
    def plan(training_set: TrainingSet, weigh: Weigh, sampling: Sampling) -> Plan:
        log = read_log(events, training_set.items, weigh)
        asks = _asks(log, opens, counts)
        chosen = asks[sampled(len(asks), sampling, generator(sampling.seed, "evaluation", "requests"))]
        chosen = chosen[part.holds(log.timestamp[log.starts[chosen[:, 0]] + chosen[:, 1]])]
        moments = Moments.of(training_set, log)

        def make() -> Iterator[Case]:
            for actor, n in chosen.tolist():
                case = moments.case(log, actor, n, horizon=horizon)
                if case is not None:
                    yield case

        return Plan("counted", training_set, Cases(sum(1 for _ in make()), make))

    return plan


def _asks(log: Log, opens: int, counts: Sequence[int]) -> NDArray[np.int64]:
    """Return (actor, n) [n_asks, 2] in order of the time of the event after the n-th, those from `opens` on."""
    sizes = np.diff(log.starts)
    asks = np.array([(actor, n) for n in counts for actor in np.flatnonzero(sizes > n)], np.int64).reshape(-1, 2)
    when = log.timestamp[log.starts[asks[:, 0]] + asks[:, 1]]
    order = np.lexsort((asks[:, 1], asks[:, 0], when))
    return asks[order][when[order] >= opens]
