"""The later slice: what the mixer learns from, asked as serving will be asked.

Experts are fitted on the earlier part of the window; each visit of the later part is asked about at its start and
within it, so that users and items which are new there are really cold. Owns the cut and the questions. A question never
holds an event at or after its own moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.counts import RunningCounts
from coldframe.dataset.training_set import NEVER, Bags, Interactions, Rows, Times, TrainingSet
from coldframe.dataset.visits import stops
from coldframe.scoring.request import History, Request

SHORTENED = 0.25
"""Share of the questions without times that know only 0 to 31 events of a past."""
HORIZON = 10
"""Events that follow a question and make its right answers, to the end of the moment that brings the last of them."""


@dataclass(frozen=True)
class Question:
    """One request and the distinct item rows that were right."""

    request: Request
    relevant: Rows


@dataclass(frozen=True)
class Later:
    """`early` is what experts are fitted on while the mixer learns; `questions` come after it, in order of time."""

    early: TrainingSet
    questions: list[Question]


def hold_out(training_set: TrainingSet, *, share: float, repeats: bool, max_questions: int, seed: int) -> Later:
    """Return the training set without its last `share` of events, and questions from those.

    Without times (all equal) a random share of each user's items is held out instead. `repeats`: whether items that
    the user had before are candidates and right answers.
    """
    times = training_set.interactions.timestamp
    if len(times) and times.min() == times.max():
        return _without_times(training_set, share, max_questions, seed)
    cut = _cut(times, share)
    early = _restricted(training_set, times < cut, cut)
    visits = _visits(training_set.interactions, cut)
    chosen = visits if len(visits) <= max_questions else _spread(visits, max_questions)
    asked = _Asker(training_set, cut, repeats)
    return Later(early, [question for visit in chosen if (question := asked.question(visit)) is not None])


def _cut(times: Times, share: float) -> int:
    """Return the time from which on events are held out: about `share` of them, and never those of the first moment."""
    second = times[times > times.min()].min()
    return int(max(second, np.quantile(times, 1 - share, method="higher")))


@dataclass(frozen=True)
class _Visit:
    """One moment of a visit, and what follows."""

    user: int
    now: int
    items: Rows


class _Asker:
    """Builds questions in order of time; counts and births grow as it goes."""

    def __init__(self, training_set: TrainingSet, cut: int, repeats: bool) -> None:
        self._set, self._repeats, self._log = training_set, repeats, training_set.log
        self._order = np.argsort(self._log.user, kind="stable")
        self._starts = np.searchsorted(self._log.user[self._order], np.arange(training_set.n_users + 1))
        self._born = births(training_set)
        events = training_set.interactions
        early = events.timestamp < cut
        fitted = np.bincount(events.item[early], minlength=training_set.n_items).astype(np.int32)
        self._counts = RunningCounts(fitted, events.item[~early], events.timestamp[~early])

    def question(self, visit: _Visit) -> Question | None:
        """Return the visit as a question; None when nothing it was right about could have been shown."""
        history = self._history(visit.user, visit.now)
        allowed = self._born <= visit.now
        if not self._repeats:
            allowed[history.item] = False
        relevant = visit.items[allowed[visit.items]]
        if not len(relevant):
            return None
        users = self._set.user_features
        request = Request.known_at(
            visit.now,
            history,
            signed_up_at=int(users.signed_up_at[visit.user]),
            attributes=users.attributes.row(visit.user),
            allowed=allowed,
            item_counts=self._counts.before(visit.now),
        )
        return Question(request, relevant)

    def _history(self, user: int, now: int) -> History:
        events = self._log
        own = self._order[self._starts[user] : self._starts[user + 1]]
        own = own[events.timestamp[own] < now]
        return History(events.item[own], events.weight[own], events.timestamp[own])


def births(training_set: TrainingSet) -> Times:
    """Return from when each item can be shown, µs: its catalogue date or just after its first event, the earlier.

    An item with neither can be shown from the end of the window on.
    """
    born = np.full(training_set.n_items, training_set.as_of, np.int64)
    np.minimum.at(born, training_set.log.item, training_set.log.timestamp + 1)
    created = training_set.item_features.created_at
    return np.where(created != NEVER, np.minimum(born, created), born)


def _restricted(training_set: TrainingSet, kept: NDArray[np.bool_], as_of: int) -> TrainingSet:
    """Return the training set as if it ended earlier; what users met later is not known either."""
    interactions = training_set.interactions.where(kept)
    pairs = np.unique(np.stack([interactions.user, interactions.item]), axis=1)
    indptr = np.searchsorted(pairs[0], np.arange(training_set.n_users + 1)).astype(np.int64)
    seen = Bags(indptr, pairs[1].astype(np.int32), training_set.n_items)
    return replace(training_set, interactions=interactions, as_of=as_of, seen=seen)


def _visits(events: Interactions, cut: int) -> list[_Visit]:
    """Return what is asked from the cut on in order of time, each with its distinct liked items."""
    later = np.flatnonzero(events.timestamp >= cut)
    order = later[np.lexsort((events.timestamp[later], events.user[later]))]
    user, time = events.user[order], events.timestamp[order]
    visits = [
        _Visit(int(user[first]), int(time[first]), _liked(events, order[first:last]))
        for first, last in stops(user, time, horizon=HORIZON)
    ]
    return sorted((visit for visit in visits if len(visit.items)), key=lambda visit: visit.now)


def _liked(events: Interactions, rows: NDArray[np.int64]) -> Rows:
    return np.unique(events.item[rows][events.weight[rows] > 0])


def _spread(visits: list[_Visit], n: int) -> Iterator[_Visit]:
    """Return n visits spread evenly over the time."""
    return (visits[i] for i in np.unique(np.linspace(0, len(visits) - 1, n).astype(np.int64)))


def _without_times(training_set: TrainingSet, share: float, max_questions: int, seed: int) -> Later:
    """Hold out a random share of each user's items, at least one where he has two or more, and some items altogether.

    As many warm items are hidden from the experts as the catalogue holds unseen ones, and one question in four knows
    only the first few of a past: what is cold when serving must be cold here.
    """
    events, draw = training_set.interactions, generator(seed, "hold out")
    held = _held_out(events, training_set.n_users, share, draw) | _of_hidden_items(training_set, draw)
    order = np.argsort(events.user, kind="stable")
    starts = np.searchsorted(events.user[order], np.arange(training_set.n_users + 1))
    users = np.unique(events.user[held])
    chosen = users if len(users) <= max_questions else np.sort(draw.choice(users, max_questions, replace=False))
    few = np.where(draw.random(len(chosen)) < SHORTENED, np.floor(2 ** (draw.random(len(chosen)) * 5) - 1), np.inf)
    asked: list[Question] = []
    for user, most in zip(chosen, few, strict=True):
        own = order[starts[user] : starts[user + 1]]
        kept = own[~held[own]]
        part = kept[: int(min(most, len(kept)))]
        asked.append(_random_question(training_set, int(user), own[held[own]], part, had=events.item[kept]))
    return Later(_restricted(training_set, ~held, training_set.as_of), [one for one in asked if len(one.relevant)])


def _held_out(events: Interactions, n_users: int, share: float, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Return a random share of each user's events, at least one of two or more, bool [n_events]."""
    order = np.lexsort((draw.random(len(events)), events.user))
    starts = np.searchsorted(events.user[order], np.arange(n_users + 1))
    sizes = np.diff(starts)
    taken = np.where(sizes >= 2, np.maximum(1, np.round(sizes * share)), 0).astype(np.int64)
    place = np.arange(len(order)) - np.repeat(starts[:-1], sizes)
    held = np.zeros(len(events), np.bool_)
    held[order] = place < np.repeat(taken, sizes)
    return held


def _of_hidden_items(training_set: TrainingSet, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Return the events of a random share of the warm items, the share of the catalogue that is unseen, bool [n].

    None where nothing is known of any item: what is hidden then could not be found again.
    """
    item, n_items = training_set.interactions.item, training_set.n_items
    features = training_set.item_features
    if not any(len(bags.indices) for bags in (features.categories, features.tags, features.words)):
        return np.zeros(len(item), np.bool_)
    warm = np.unique(item)
    n_hidden = min(round(len(warm) * (1 - len(warm) / n_items)), len(warm) // 2)
    return np.isin(item, draw.choice(warm, n_hidden, replace=False))


def _random_question(
    training_set: TrainingSet, user: int, held: NDArray[np.int64], kept: NDArray[np.int64], *, had: Rows
) -> Question:
    """Return the question about a user's held-out events, who is known by the kept ones and is shown nothing he had."""
    events = training_set.interactions
    history = History(events.item[kept], events.weight[kept], events.timestamp[kept])
    allowed = np.ones(training_set.n_items, np.bool_)
    allowed[had] = False
    relevant = _liked(events, held)
    request = Request.known_at(
        training_set.as_of,
        history,
        signed_up_at=int(training_set.user_features.signed_up_at[user]),
        attributes=training_set.user_features.attributes.row(user),
        allowed=allowed,
    )
    return Question(request, relevant[allowed[relevant]])
