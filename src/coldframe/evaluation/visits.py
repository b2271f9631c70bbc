"""The test period of a cut in time: which items exist when, which visits are asked, and which training answers them.

Owns what a visit is and what is right for it. Never says what a model may know: `time_split` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coldframe.dataset.training_set import DAY_US, Bools, Rows, Times, TrainingSet, micros
from coldframe.dataset.visits import stops
from coldframe.domain import Item
from coldframe.evaluation.log import Log

FOREVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Visits:
    """Moments of test visits in order of time: parallel arrays of length n_visits, and their right answers.

    Visit v of actor `actor[v]` is asked at `now[v]` (µs) and is answered by `relevant[v]`.
    """

    actor: NDArray[np.int64]
    now: Times
    relevant: list[Rows]


@dataclass(frozen=True)
class Lifetimes:
    """From when and until when each item can be shown, µs, [n_items]: it exists if begins ≤ now < ends."""

    begins: Times
    ends: Times

    def exist(self, now: int) -> Bools:
        """Return which items can be shown at a moment."""
        return (self.begins <= now) & (now < self.ends)


@dataclass(frozen=True)
class Part:
    """begins ≤ time < ends, µs: trained on all before, asked about what is within."""

    begins: int
    ends: int

    def holds(self, now: Times) -> Bools:
        """Return which moments are within."""
        return (self.begins <= now) & (now < self.ends)


def lifetimes_of(log: Log, training_set: TrainingSet, catalogue: Sequence[Item]) -> Lifetimes:
    """An item begins when the catalogue says so, or just after its first event, whichever is earlier."""
    begins = np.full(training_set.n_items, FOREVER)
    np.minimum.at(begins, log.item, log.timestamp + 1)
    ends = np.full(training_set.n_items, FOREVER)
    for item in catalogue:
        row = training_set.items.row_of[item.item_id]
        if item.created_at is not None:
            begins[row] = min(int(begins[row]), micros(item.created_at))
        if item.expires_at is not None:
            ends[row] = micros(item.expires_at)
    return Lifetimes(begins, ends)


def parts_of(events: pl.DataFrame, cut: int, days: int | None) -> list[Part]:
    """Return the stretches of the test period that one training each answers for; those without an event are none."""
    if days is None:
        return [Part(cut, FOREVER)]
    times = events["timestamp"].dt.epoch("us").to_numpy()
    bounds = np.arange(cut, int(times.max()) + 1, days * DAY_US).tolist()
    parts = [Part(begins, ends) for begins, ends in pairwise([*bounds, FOREVER])]
    return [part for k, part in enumerate(parts) if k == 0 or part.holds(times).any()]


def visits_of(log: Log, lifetimes: Lifetimes, *, opens: int, horizon: int | None) -> tuple[Visits, dict[str, float]]:
    """Return the visits from `opens` (µs) on, and counts of them.

    Targets that nobody could have shown are dropped, and so are visits that are left without any.
    """
    index = np.flatnonzero(log.timestamp >= opens)
    actor, when, item = log.actor[index], log.timestamp[index], log.item[index]
    asks = np.array(stops(actor, when, horizon=horizon), np.int64).reshape(-1, 2)
    first, sizes = asks[:, 0], asks[:, 1] - asks[:, 0]
    visit = np.repeat(np.arange(len(asks)), sizes)
    row = np.arange(len(visit)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    target, start = item[row], when[first]
    wanted = log.weight[index][row] > 0
    reachable = (lifetimes.begins[target] <= start[visit]) & (start[visit] < lifetimes.ends[target])
    relevant = _sets(visit[wanted & reachable], target[wanted & reachable], len(start))
    order = np.lexsort((actor[first], start))
    answered = order[[len(relevant[v]) > 0 for v in order]] if len(order) else order
    facts = {
        "test_events": float(len(index)),
        "visits": float(len(start)),
        "visits_without_reachable_target": float(len(start) - len(answered)),
        "unreachable_share": float((~reachable)[wanted].mean()) if wanted.any() else 0.0,
    }
    return Visits(actor[first][answered], start[answered], [relevant[v] for v in answered]), facts


def _sets(group: NDArray[np.int64], item: Rows, n_groups: int) -> list[Rows]:
    """Return the distinct items of each group, ascending."""
    width = int(item.max(initial=0)) + 1
    pairs = np.unique(group * width + item)
    return np.split((pairs % width).astype(np.int32), np.searchsorted(pairs // width, np.arange(1, n_groups)))
