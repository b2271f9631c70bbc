"""What any model has to beat: popularity, recent popularity, chance.

Owns three scorers that know nothing of the user. All are fitted where every expert is: on the training events, and
never learn from test events that have already passed.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import DAY_US, Floats, Interactions, TrainingSet
from coldframe.scoring.request import Request, Scorer


@dataclass(frozen=True)
class PopularScorer:
    """Score = the sum of the positive weights of an item's training events; 0 for an item without."""

    popularity: Floats
    name: str = "popular"

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items], the same for everybody."""
        del request
        return self.popularity


@dataclass(frozen=True)
class RandomScorer:
    """Every item ties with every other: the order is the lot that breaks ties."""

    n_items: int
    name: str = "random"

    def score(self, request: Request) -> Floats:
        """Return zeros, float32 [n_items]."""
        del request
        return np.zeros(self.n_items, dtype=np.float32)


def fit_popular(training_set: TrainingSet) -> PopularScorer:
    """Return all-time popularity over the training events."""
    return PopularScorer(_popularity(training_set.interactions, training_set.n_items))


def fit_recent_popular(training_set: TrainingSet, *, days: float) -> PopularScorer:
    """Return popularity over the last `days` before the end of training, `training_set.as_of`.

    Items without an event in that time follow in order of all-time popularity.
    """
    events = training_set.interactions
    recent = events.where(events.timestamp >= training_set.as_of - round(days * DAY_US))
    fresh = _popularity(recent, training_set.n_items)
    ever = _popularity(events, training_set.n_items)
    behind = np.where(fresh > 0, 0.0, ever / (1.0 + ever.max(initial=0.0)) - 1.0)
    return PopularScorer((fresh + behind).astype(np.float32), "recent-popular")


def fit_baselines(training_set: TrainingSet, *, recent_days: float) -> dict[str, Scorer]:
    """Return every baseline by name: `popular`, `recent-popular` and `random`."""
    return {
        "popular": fit_popular(training_set),
        "recent-popular": fit_recent_popular(training_set, days=recent_days),
        "random": RandomScorer(training_set.n_items),
    }


def _popularity(events: Interactions, n_items: int) -> Floats:
    liked = np.maximum(events.weight, 0.0).astype(np.float64)
    return np.bincount(events.item, liked, minlength=n_items).astype(np.float32)
