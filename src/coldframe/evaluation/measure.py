"""From lists to numbers: values per request, then means with intervals, by slice.

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
    bootstrap_mean,
    coverage,
    exposure,
    jackknife,
    normalised_category_diversity,
    paired_bootstrap,
    per_request,
    tail_share,
)
from coldframe.metrics.interval import Doubles

ACCURACY = ("ndcg", "recall", "hit_rate")
"""What the lists got right; the rest says what they are like."""

Numbers = dict[str, Estimate]
"""Metric at k → estimate."""


@dataclass(frozen=True)
class Yardstick:
    """What lists are measured with: cut-offs, the catalogue's categories and popularity, and the bootstrap's draws."""

    ks: tuple[int, ...]
    categories: Bags
    popularity: NDArray[np.int64]
    seed: int
    draws: int = 1000

    @staticmethod
    def of(training_set: TrainingSet, ks: Sequence[int], *, seed: int, draws: int = 1000) -> "Yardstick":
        """Return the yardstick of a training set; popularity counts its training events."""
        popularity = np.bincount(training_set.interactions.item, minlength=training_set.n_items)
        return Yardstick(tuple(ks), training_set.item_features.categories, popularity, seed, draws)


def values_per_request(lists: Lists, yardstick: Yardstick) -> dict[str, dict[str, Doubles]]:
    """Return model → metric at k → one float64 value per request of a view.

    `ndcg`, `recall` and `hit_rate`; `tail`: share of the list outside the 20 % most popular items; `diversity`:
    normalised category diversity, absent without categories; `filled`: share of the list that the fallback filled.
    """
    return {name: _values(lists, name, yardstick) for name in lists.ranked}


def summary(
    lists: Lists, values: Mapping[str, Mapping[str, Doubles]], yardstick: Yardstick, where: str
) -> dict[str, Numbers]:
    """Return model → metric → estimate over all requests of a view, coverage included."""
    return _over(lists, values, np.ones(len(lists), dtype=np.bool_), yardstick, where)


def by_user(
    lists: Lists, values: Mapping[str, Mapping[str, Doubles]], yardstick: Yardstick
) -> Iterator[tuple[str, int, dict[str, Numbers]]]:
    """Yield (slice, requests, model → metric → estimate) for each bucket of user history."""
    for name, mask in split_by(lists.history, USER_BUCKETS):
        yield name, int(mask.sum()), _over(lists, values, mask, yardstick, name)


def by_item(lists: Lists, yardstick: Yardstick) -> Iterator[tuple[str, int, dict[str, Numbers]]]:
    """Yield (slice, requests, model → accuracy) for each bucket of item history.

    The lists stay whole; only right answers in the bucket count as hits, and only requests that have one count.
    """
    for name, mask in split_by(lists.target_counts, ITEM_BUCKETS):
        part = _only(lists.relevant, mask)
        numbers = {
            model: {
                metric: _mean(value, lists.user, yardstick, name, model, metric)
                for metric, value in per_request(ranked, part, metrics=ACCURACY, ks=yardstick.ks).items()
            }
            for model, ranked in lists.ranked.items()
        }
        yield name, int((np.diff(part.indptr) > 0).sum()), numbers


def differences(
    lists: Lists, values: Mapping[str, Mapping[str, Doubles]], yardstick: Yardstick, reference: str
) -> dict[str, dict[str, Comparison]]:
    """Return model → metric → how much better the reference is than the model on the same requests."""
    return {
        model: {
            metric: paired_bootstrap(
                values[reference][metric],
                own[metric],
                lists.user,
                generator=generator(yardstick.seed, "evaluation", "paired", model, metric),
                draws=yardstick.draws,
            )
            for metric in own
            if metric.partition("@")[0] in ACCURACY
        }
        for model, own in values.items()
        if model != reference
    }


def _values(lists: Lists, model: str, yardstick: Yardstick) -> dict[str, Doubles]:
    ranked, ks = lists.ranked[model], yardstick.ks
    found = per_request(ranked, lists.relevant, metrics=ACCURACY, ks=ks)
    found |= {f"tail@{k}": tail_share(ranked, yardstick.popularity, k) for k in ks}
    if yardstick.categories.n_features:
        found |= {f"diversity@{k}": normalised_category_diversity(ranked, yardstick.categories, k) for k in ks}
    return found | {f"filled@{k}": _filled(ranked, lists.n_scored[model], k) for k in ks}


def _filled(ranked: Rows, n_scored: NDArray[np.int64], k: int) -> Doubles:
    shown = (ranked[:, :k] >= 0).sum(axis=1)
    return np.where(shown > 0, 1.0 - np.minimum(n_scored, shown) / np.maximum(shown, 1), np.nan)


def _over(
    lists: Lists, values: Mapping[str, Mapping[str, Doubles]], mask: Bools, yardstick: Yardstick, where: str
) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    for model, own in values.items():
        numbers = {
            metric: _mean(value[mask], lists.user[mask], yardstick, where, model, metric)
            for metric, value in own.items()
        }
        covered = {f"coverage@{k}": _coverage(lists, model, mask, k, yardstick, where) for k in yardstick.ks}
        found[model] = numbers | covered
    return found


def _mean(value: Doubles, user: NDArray[np.int64], yardstick: Yardstick, *purpose: str) -> Estimate:
    return bootstrap_mean(
        value, user, generator=generator(yardstick.seed, "evaluation", *purpose), draws=yardstick.draws
    )


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


def _only(relevant: Ragged, mask: Bools) -> Ragged:
    kept = np.concatenate([[0], np.cumsum(mask)])
    return Ragged(kept[relevant.indptr].astype(np.int64), relevant.items[mask])
