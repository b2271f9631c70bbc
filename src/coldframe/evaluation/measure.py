"""From lists to numbers: values per request, then means and paired differences with intervals, by slice.

Owns which metrics an evaluation reports. The definitions are in `coldframe.metrics`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.training_set import Bags, Bools, Rows, TrainingSet
from coldframe.evaluation.lists import Lists
from coldframe.evaluation.slices import ITEM_BUCKETS, USER_BUCKETS, split_by
from coldframe.metrics import (
    Comparison,
    Estimate,
    Ragged,
    Resamples,
    coverage,
    exposure,
    jackknife,
    normalised_category_diversity,
    per_request,
    tail_share,
)
from coldframe.metrics.interval import Doubles

ACCURACY = ("ndcg", "recall", "hit_rate")
"""What the lists got right; the rest says what they are like."""

Numbers = Mapping[str, Estimate]
"""Metric at k → estimate."""
Values = Mapping[str, Mapping[str, Doubles]]
"""Model → metric at k → one float64 value per request."""
Differences = Mapping[str, Mapping[str, Comparison]]
"""Model → accuracy at k → how much better the reference is than that model on the same requests."""


@dataclass(frozen=True)
class Yardstick:
    """What lists are measured with: cut-offs, the catalogue's categories and popularity, the model that others are
    compared with, and the bootstrap's draws.
    """

    ks: tuple[int, ...]
    categories: Bags
    popularity: NDArray[np.int64]
    reference: str
    seed: int
    draws: int = 1000

    @staticmethod
    def of(
        training_set: TrainingSet, ks: Sequence[int], *, reference: str, seed: int, draws: int = 1000
    ) -> "Yardstick":
        """Return the yardstick of a training set; popularity counts its training events."""
        popularity = np.bincount(training_set.interactions.item, minlength=training_set.n_items)
        return Yardstick(
            tuple(sorted(set(ks))), training_set.item_features.categories, popularity, reference, seed, draws
        )


@dataclass(frozen=True)
class Slice:
    """Some of the requests, measured: how many there are, every model's numbers, and its gap to the reference."""

    name: str
    n_requests: int
    models: Mapping[str, Numbers]
    differences: Differences


def values_per_request(lists: Lists, yardstick: Yardstick) -> Values:
    """Return model → metric at k → one float64 value per request of a view.

    `ndcg`, `recall` and `hit_rate`; `tail`: share of the list outside the 20 % most popular items; `diversity`:
    normalised category diversity, absent without categories; `young`: share of the list with at most 5 events by then;
    `filled`: share of the list that the fallback filled.
    """
    return {name: _values(lists, name, yardstick) for name in lists.ranked}


def whole(name: str, lists: Lists, values: Values, yardstick: Yardstick) -> Slice:
    """Return all requests of a view as one slice, coverage included."""
    return _covered(name, lists, values, np.ones(len(lists), dtype=np.bool_), yardstick)


def by_user(lists: Lists, values: Values, yardstick: Yardstick) -> Iterator[Slice]:
    """Yield one slice for each bucket of user history, coverage included."""
    for name, mask in split_by(lists.history, USER_BUCKETS):
        yield _covered(name, lists, values, mask, yardstick)


def by_item(lists: Lists, yardstick: Yardstick) -> Iterator[Slice]:
    """Yield one slice, accuracy only, for each bucket of item history.

    The lists stay whole; only right answers in the bucket count as hits, and only requests that have one count.
    """
    for name, mask in split_by(lists.target_counts, ITEM_BUCKETS):
        rows, wanted = _only(lists.relevant, mask)
        values = {
            model: per_request(ranked[rows], wanted, metrics=ACCURACY, ks=yardstick.ks)
            for model, ranked in lists.ranked.items()
        }
        yield _measured(name, lists.user[rows], values, yardstick)


def _values(lists: Lists, model: str, yardstick: Yardstick) -> dict[str, Doubles]:
    ranked, ks = lists.ranked[model], yardstick.ks
    found = per_request(ranked, lists.relevant, metrics=ACCURACY, ks=ks)
    found |= {f"tail@{k}": tail_share(ranked, yardstick.popularity, k) for k in ks}
    if yardstick.categories.n_features:
        found |= {f"diversity@{k}": normalised_category_diversity(ranked, yardstick.categories, k) for k in ks}
    found |= {f"young@{k}": lists.young[model][:, :k].mean(axis=1) for k in ks}
    return found | {f"filled@{k}": _filled(ranked, lists.n_scored[model], k) for k in ks}


def _filled(ranked: Rows, n_scored: NDArray[np.int64], k: int) -> Doubles:
    shown = (ranked[:, :k] >= 0).sum(axis=1)
    return np.where(shown > 0, 1.0 - np.minimum(n_scored, shown) / np.maximum(shown, 1), np.nan)


def _measured(name: str, user: NDArray[np.int64], values: Values, yardstick: Yardstick) -> Slice:
    resamples = Resamples.draw(user, generator=generator(yardstick.seed, "evaluation", name), draws=yardstick.draws)
    return Slice(name, len(user), _means(resamples, values), _differences(resamples, values, yardstick.reference))


def _covered(name: str, lists: Lists, values: Values, mask: Bools, yardstick: Yardstick) -> Slice:
    part = {model: {metric: value[mask] for metric, value in own.items()} for model, own in values.items()}
    found = _measured(name, lists.user[mask], part, yardstick)
    models = {
        model: dict(numbers)
        | {f"coverage@{k}": _coverage(lists, model, mask, k, yardstick, name) for k in yardstick.ks}
        for model, numbers in found.models.items()
    }
    return Slice(name, found.n_requests, models, found.differences)


def _means(resamples: Resamples, values: Values) -> dict[str, dict[str, Estimate]]:
    estimates = iter(resamples.means(np.stack([value for own in values.values() for value in own.values()])))
    return {model: {metric: next(estimates) for metric in own} for model, own in values.items()}


def _differences(resamples: Resamples, values: Values, reference: str) -> dict[str, dict[str, Comparison]]:
    others = [model for model in values if model != reference]
    metrics = [metric for metric in values[reference] if metric.partition("@")[0] in ACCURACY]
    if not others:
        return {}
    ours = np.stack([values[reference][metric] for _ in others for metric in metrics])
    theirs = np.stack([values[model][metric] for model in others for metric in metrics])
    found = iter(resamples.comparisons(ours, theirs))
    return {model: {metric: next(found) for metric in metrics} for model in others}


def _coverage(lists: Lists, model: str, mask: Bools, k: int, yardstick: Yardstick, where: str) -> Estimate:
    """Distinct items on at least one list ÷ items that at least one request of the view could have shown."""
    ranked, rows = lists.ranked[model][mask], np.flatnonzero(lists.candidates)
    return jackknife(
        lambda kept: exposure(ranked[kept], len(lists.candidates), k)[rows],
        coverage,
        lists.user[mask],
        generator=generator(yardstick.seed, "evaluation", where, model, f"coverage@{k}"),
        bounds=(0.0, 1.0),
    )


def _only(relevant: Ragged, mask: Bools) -> tuple[NDArray[np.int64], Ragged]:
    """Return the requests that keep a right answer, and those answers."""
    before = np.concatenate([[0], np.cumsum(mask)])
    sizes = np.diff(before[relevant.indptr])
    rows = np.flatnonzero(sizes)
    indptr = np.concatenate([[0], np.cumsum(sizes[rows])]).astype(np.int64)
    return rows, Ragged(indptr, relevant.items[mask])
