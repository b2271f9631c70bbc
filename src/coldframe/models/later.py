"""The later slice: what the mixer learns from, asked as serving will be asked.

Experts are fitted on the earlier part of the window; each visit of the later part is asked about at its start and
within it, so that users and items which are new there are really cold. Owns the cut and the questions. A question never
holds an event at or after its own moment.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.counts import RunningCounts
from coldframe.dataset.training_set import NEVER, Interactions, Rows, Times, TrainingSet
from coldframe.dataset.visits import stops
from coldframe.models.questions import Later, Question, liked, restricted
from coldframe.models.untimed import hold_out_untimed
from coldframe.scoring.request import History, Request

HORIZON = 10
"""Events that follow a question and make its right answers, to the end of the moment that brings the last of them."""


def hold_out(training_set: TrainingSet, *, share: float, repeats: bool, max_questions: int, seed: int) -> Later:
    """Return the training set without its last `share` of events, and questions from those.

    Without times (all equal) a random share of each user's items is held out instead. `repeats`: whether items that
    the user had before are candidates and right answers.
    """
    times = training_set.interactions.timestamp
    if len(times) and times.min() == times.max():
        return hold_out_untimed(training_set, share, max_questions, seed)
    cut = _cut(times, share)
    early = restricted(training_set, times < cut, cut)
    asked = _Asker(training_set, cut, repeats)
    visits = _visits(training_set.interactions, cut, max_questions)
    return Later(early, [question for visit in visits if (question := asked.question(visit)) is not None])


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
        return Question(request, relevant, visit.user)

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


def _visits(events: Interactions, cut: int, n: int) -> list[_Visit]:
    """Return what is asked from the cut on in order of time, at most n spread evenly over it, each with its distinct
    liked items.
    """
    later = np.flatnonzero(events.timestamp >= cut)
    order = later[np.lexsort((events.timestamp[later], events.user[later]))]
    user, time = events.user[order], events.timestamp[order]
    asked = stops(user, time, horizon=HORIZON)
    likes = np.concatenate([[0], np.cumsum(events.weight[order] > 0)])
    asked = asked[likes[asked[:, 1]] > likes[asked[:, 0]]]
    asked = asked[np.argsort(time[asked[:, 0]], kind="stable")]
    if len(asked) > n:
        asked = asked[np.unique(np.linspace(0, len(asked) - 1, n).astype(np.int64))]
    return [_Visit(int(user[first]), int(time[first]), liked(events, order[first:last])) for first, last in asked]
