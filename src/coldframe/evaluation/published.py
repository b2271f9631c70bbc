"""A published split: one file to learn from, one file of held-out items per user, the whole catalogue as candidates.

Owns the protocol of `--test FILE`. Times of the test file are not read: every question is asked when training ends.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from coldframe.clock import generator
from coldframe.dataset.training_set import TrainingSet, micros
from coldframe.domain import Item, User
from coldframe.evaluation.log import Log, read_log
from coldframe.evaluation.plan import (
    Case,
    Cases,
    Plan,
    Sampling,
    Split,
    Weigh,
    complete_catalogue,
    end_of,
    request_of,
    sampled,
)

PUBLISHED = "test"


def published_split(
    train: pl.DataFrame, test: pl.DataFrame, items: Sequence[Item] = (), users: Sequence[User] = ()
) -> Split:
    """Return the published protocol over two event frames.

    One question per user of the test file, also for users without a training event. Candidates: every item of
    train, test and `items` except those the user has in train. Right answers: the user's distinct test items of
    positive weight, and nothing is taken off them: one that he also has in train can only be missed.
    """
    catalogue = complete_catalogue(tuple(items), train, test)

    def lay_out(training_set: TrainingSet, weigh: Weigh, sampling: Sampling) -> Plan:
        past = read_log(train, training_set.items, weigh)
        return _plan(training_set, past, read_log(test, training_set.items, weigh), micros(split.as_of), sampling)

    split = Split(PUBLISHED, train, catalogue, tuple(users), end_of(train), lay_out)
    return split


def _plan(training_set: TrainingSet, past: Log, held_out: Log, now: int, sampling: Sampling) -> Plan:
    asked = np.flatnonzero([len(held_out.liked(actor)) > 0 for actor in range(len(held_out.actors))])
    chosen = asked[sampled(len(asked), sampling, generator(sampling.seed, "evaluation", "requests"))]

    def make() -> Iterator[Case]:
        for actor in chosen:
            user_id = held_out.actors.ids[actor]
            before = past.actors.row_of.get(user_id, -1)
            allowed = np.ones(training_set.n_items, dtype=np.bool_)
            allowed[past.had(before, now)] = False
            request = request_of(training_set, user_id, past.history(before, now), now, allowed)
            yield Case(user_id, request, held_out.liked(int(actor)))

    facts = {"test_events": float(len(held_out.item)), "users_asked": float(len(chosen))}
    return Plan(PUBLISHED, training_set, Cases(len(chosen), make), facts=facts)
