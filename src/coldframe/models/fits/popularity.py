"""Popularity: over everything, over the last days, and since the experts were fitted."""

from collections.abc import Callable

import numpy as np

from coldframe.dataset.training_set import DAY_US, Floats
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Popularity, Trending


def fit_popular(workshop: Workshop) -> Popularity:
    """Return popularity over the whole window."""
    return Popularity("popular-ever", "popular", popularity(workshop, np.inf))


def fit_popular_last(days: int) -> Callable[[Workshop], Popularity | None]:
    """Return the fit of popularity over the last days; it yields None where that is the whole window."""

    def fit(workshop: Workshop) -> Popularity | None:
        times = workshop.training_set.interactions.timestamp
        if workshop.training_set.as_of - int(times.min()) <= days * DAY_US:
            return None
        name = {7: "popular-week", 30: "popular-month"}[days]
        return Popularity(name, "popular", popularity(workshop, days))

    return fit


def fit_trending(workshop: Workshop) -> Trending:
    """Return the count of what happened since."""
    return Trending("trending", "popular", workshop.counts)


def popularity(workshop: Workshop, days: float) -> Floats:
    """Return log(1 + Σ positive weights of the last days), float32 [n_items]."""
    events = workshop.training_set.interactions
    if np.isfinite(days):
        events = events.where(events.timestamp >= workshop.training_set.as_of - round(days * DAY_US))
    amount = np.bincount(events.item, np.maximum(events.weight, 0), minlength=workshop.training_set.n_items)
    return np.log1p(amount).astype(np.float32)
