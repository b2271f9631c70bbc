"""What a mixer is asked while it learns: a request and its right answers, and what the experts knew of by then.

Owns the shapes that `later` and `untimed` share.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, Interactions, Rows, TrainingSet
from coldframe.scoring.request import Request


@dataclass(frozen=True)
class Question:
    """One request, the distinct item rows that were right, and a number that all questions of one user share."""

    request: Request
    relevant: Rows
    user: int


@dataclass(frozen=True)
class Later:
    """`early` is what experts are fitted on while the mixer learns; `questions` come after it, in order of time."""

    early: TrainingSet
    questions: list[Question]


def restricted(training_set: TrainingSet, kept: NDArray[np.bool_], as_of: int) -> TrainingSet:
    """Return the training set as if it ended earlier; what users met later is not known either."""
    interactions = training_set.interactions.where(kept)
    n_users, n_items = training_set.n_users, training_set.n_items
    seen = Bags.of(interactions.user, interactions.item, n_rows=n_users, n_features=n_items)
    return replace(training_set, interactions=interactions, as_of=as_of, seen=seen)


def liked(events: Interactions, rows: NDArray[np.int64]) -> Rows:
    """Return the distinct items of positive weight among some events, ascending."""
    return np.unique(events.item[rows][events.weight[rows] > 0])
