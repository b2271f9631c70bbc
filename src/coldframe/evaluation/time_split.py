"""A global cut in time: learn from before it, then live through the rest, one visit at a time.

Owns the protocol of `--split time:SHARE`: who is asked what, among which items, and counts as they were then.
Nothing at or after a visit's start is ever visible to its question.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.counts import RunningCounts
from coldframe.dataset.repeats import Repeat, repeat_policy
from coldframe.dataset.training_set import Rows, TrainingSet, micros, moment
from coldframe.domain import Item, User
from coldframe.errors import DataError, InputError
from coldframe.evaluation.log import Log, read_log
from coldframe.evaluation.plan import (
    OVERALL,
    Case,
    Cases,
    Plan,
    Sampling,
    Split,
    Weigh,
    complete_catalogue,
    request_of,
    sampled,
)
from coldframe.evaluation.visits import Lifetimes, Part, Visits, lifetimes_of, parts_of, visits_of
from coldframe.scoring.hybrid import YOUNG_COUNT

TIME = "time"
DISCOVERY = "discovery"
"""The view without what the user had before, neither on the list nor among the right answers; asked for only."""
YOUNG = "young"
"""The view of items with few events by then, on the list and among the right answers; asked for only."""


@dataclass(frozen=True)
class _Asked:
    """What the questions are about: when items exist, where the test period begins (µs), the part of it that one
    training answers for, whether what the user had before is a candidate, and whether to ask once more for what is new
    to the user, and among young items.
    """

    lifetimes: Lifetimes
    opens: int
    part: Part
    repeat: Repeat
    discovery: bool
    young: bool
    horizon: int | None


def time_split(
    events: pl.DataFrame,
    items: Sequence[Item] = (),
    users: Sequence[User] = (),
    *,
    fraction: float,
    repeat: Literal["auto", "allow", "exclude"] = "allow",
    discovery: bool = False,
    young: bool = False,
    horizon: int | None = None,
    refit_days: int | None = None,
) -> Split:
    """Return the time protocol: events before the `fraction` quantile of event time are learned from.

    One question per visit (a user's events with pauses of at most 30 minutes), asked at its first event, with all that
    the user did before, in training or in the test period. Candidates are the items that exist then: in the
    catalogue by their `created_at`, or seen in the log before, and not expired. Right answers: the visit's distinct
    items of positive weight that are candidates. `repeat` says whether what the user had before is a candidate and may
    be right; `auto` decides by the share of repeats in the training events. Every visit with such answers is asked once
    more with `discovery`, for items that the user never had, and with `young`, among items of at most 5 events by then.
    With `horizon` a visit is asked within it too, by `dataset.visits.stops`, each time about the next so many events.
    With `refit_days` models are trained again on all that is past after each so many days (`Split.later`).
    Raises `InputError` for a fraction outside 0 … 1 or days below 1, `DataError` when nothing is older than the cut.
    """
    if not 0 < fraction < 1:
        raise InputError(f"Events cannot be cut at {fraction}.", remedy="Pass a share between 0 and 1: time:0.9.")
    if refit_days is not None and refit_days < 1:
        raise InputError(f"Nothing is trained every {refit_days} days.", remedy="Pass one day or more.")
    cut = _cut(events, fraction)
    if events["timestamp"].min() == cut:
        raise DataError("All events up to the cut have the same time.", remedy="Use --test FILE, or events with times.")
    catalogue = complete_catalogue(tuple(items), events)

    def of_part(part: Part) -> Split:
        def lay_out(training_set: TrainingSet, weigh: Weigh, sampling: Sampling) -> Plan:
            log = read_log(events, training_set.items, weigh)
            policy = repeat_policy(log.interactions(before=micros(cut)), repeat)
            lifetimes = lifetimes_of(log, training_set, catalogue)
            asked = _Asked(lifetimes, micros(cut), part, policy, discovery, young, horizon)
            return _plan(training_set, log, asked, sampling)

        begins = moment(part.begins)
        return Split(TIME, events.filter(pl.col("timestamp") < begins), catalogue, tuple(users), begins, lay_out)

    first, *more = map(of_part, parts_of(events, micros(cut), refit_days))
    return replace(first, later=tuple(more))


def _cut(events: pl.DataFrame, fraction: float) -> datetime:
    if events.is_empty():
        raise DataError("There is no event to split.", remedy="Pass files with events.")
    times = events["timestamp"].dt.epoch("us").sort()
    return moment(int(times[min(int(fraction * len(times)), len(times) - 1)]))


def _plan(training_set: TrainingSet, log: Log, asked: _Asked, sampling: Sampling) -> Plan:
    visits, facts = visits_of(log, asked.lifetimes, opens=asked.opens, horizon=asked.horizon)
    chosen = sampled(len(visits.now), sampling, generator(sampling.seed, "evaluation", "requests"))
    chosen = chosen[asked.part.holds(visits.now[chosen])]
    asker = _Asker(training_set, log, visits, asked)
    n = sum(len(views) for views in asker.views(chosen))
    facts |= {"repeats_are_candidates": float(asked.repeat == "allow")}
    return Plan(TIME, training_set, Cases(n, lambda: asker.cases(chosen)), facts=facts)


@dataclass(frozen=True)
class _Asker:
    """Every visit's questions, one per view that leaves a right answer."""

    training_set: TrainingSet
    log: Log
    visits: Visits
    asked: _Asked

    def views(self, chosen: NDArray[np.int64]) -> Iterator[dict[str, Rows]]:
        """Yield view → right answers for each visit, in order of time."""
        counts = self._counts()
        for v in chosen:
            relevant, now = self.visits.relevant[v], int(self.visits.now[v])
            fresh = relevant[~np.isin(relevant, self.log.had(int(self.visits.actor[v]), now))]
            again = self.asked.repeat == "allow"
            views = {OVERALL: relevant if again else fresh}
            if self.asked.discovery and again:
                views[DISCOVERY] = fresh
            if self.asked.young:
                views[YOUNG] = views[OVERALL][counts.before(now)[views[OVERALL]] <= YOUNG_COUNT]
            yield {view: rows for view, rows in views.items() if len(rows)}

    def cases(self, chosen: NDArray[np.int64]) -> Iterator[Case]:
        """Yield the questions of the chosen visits."""
        counts = self._counts()
        for v, views in zip(chosen, self.views(chosen), strict=True):
            actor, now = int(self.visits.actor[v]), int(self.visits.now[v])
            user_id, history, known = self.log.actors.ids[actor], self.log.history(actor, now), counts.before(now)
            for view, relevant in views.items():
                allowed = self.asked.lifetimes.exist(now)
                if view == DISCOVERY or self.asked.repeat != "allow":
                    allowed[self.log.had(actor, now)] = False
                if view == YOUNG:
                    allowed &= known <= YOUNG_COUNT
                request = request_of(self.training_set, user_id, history, now, allowed, item_counts=known)
                yield Case(user_id, request, relevant, view)

    def _counts(self) -> RunningCounts:
        """Return events per item: those trained on, then those of the test period."""
        events, n_items = self.training_set.interactions, self.training_set.n_items
        trained = np.bincount(events.item, minlength=n_items).astype(np.int32)
        later = np.flatnonzero(self.log.timestamp >= self.asked.part.begins)
        order = later[np.argsort(self.log.timestamp[later], kind="stable")]
        return RunningCounts(trained, self.log.item[order], self.log.timestamp[order])
