"""Questions from data without times: a random part of each user's items stands in for what comes later.

Owns who and what is cold there, which no clock tells.
"""

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.training_set import Interactions, TrainingSet
from coldframe.models.questions import Later, Question, liked, restricted
from coldframe.scoring.request import History, Request

SHORTENED = 0.25
"""Share of the questions that know only 1 to 31 events of a past; how to serve users without any, no such data tell."""
MOST_HIDDEN = 0.2
"""Share of the warm items that may be hidden: experts that know half of the catalogue are not those that serve."""


def hold_out_untimed(training_set: TrainingSet, share: float, max_questions: int, seed: int) -> Later:
    """Hold out a random share of each user's items, at least one where he has two or more, and some items altogether.

    As large a share of the warm items is hidden from the experts as the catalogue holds unseen ones, up to a fifth, and
    one question in four knows only the first few of a past: what is cold when serving must be cold here. What nobody
    took is never a candidate: it can be no right answer here, and where it is served it can.
    """
    events, draw = training_set.interactions, generator(seed, "hold out")
    held = _held_out(events, training_set.n_users, share, draw) | _of_hidden_items(training_set, draw)
    order = np.argsort(events.user, kind="stable")
    starts = np.searchsorted(events.user[order], np.arange(training_set.n_users + 1))
    users = np.unique(events.user[held])
    chosen = users if len(users) <= max_questions else np.sort(draw.choice(users, max_questions, replace=False))
    few = np.where(draw.random(len(chosen)) < SHORTENED, np.floor(2 ** (draw.random(len(chosen)) * 5)), np.inf)
    taken = np.bincount(events.item, minlength=training_set.n_items) > 0
    asked: list[Question] = []
    for user, most in zip(chosen, few, strict=True):
        own = order[starts[user] : starts[user + 1]]
        kept = own[~held[own]]
        part = kept[: int(min(most, len(kept)))]
        allowed = taken.copy()
        allowed[events.item[kept]] = False
        asked.append(_random_question(training_set, int(user), own[held[own]], part, allowed))
    return Later(restricted(training_set, ~held, training_set.as_of), [one for one in asked if len(one.relevant)])


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
    n_hidden = round(len(warm) * min(1 - len(warm) / n_items, MOST_HIDDEN))
    return np.isin(item, draw.choice(warm, n_hidden, replace=False))


def _random_question(
    training_set: TrainingSet, user: int, held: NDArray[np.int64], known: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> Question:
    """Return the question about a user's held-out events, who is known by some of the others."""
    events = training_set.interactions
    history = History(events.item[known], events.weight[known], events.timestamp[known])
    relevant = liked(events, held)
    request = Request.known_at(
        training_set.as_of,
        history,
        signed_up_at=int(training_set.user_features.signed_up_at[user]),
        attributes=training_set.user_features.attributes.row(user),
        allowed=allowed,
    )
    return Question(request, relevant[allowed[relevant]], user)
