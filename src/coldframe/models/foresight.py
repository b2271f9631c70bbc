"""What the steps of a training take, foreseen from sizes that are known before the first of them.

Owns the laws, whose constants are seconds of one core of the machine they were measured on, and the probe that says how
much slower this one is just now. Decides nothing: that is `thrift`. Code that a compiler must make first is apart.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

import numpy as np

from coldframe.dataset.training_set import TrainingSet
from coldframe.models.decomposition import OVERSAMPLING
from coldframe.models.fits.transitions import MAX_PAIRS
from coldframe.scoring.threads import one_thread_each
from coldframe.settings import Settings

COMPILERS = 40.0
"""Of the first training on a machine: experts' code, and the mixer's."""
PER_LESSON = 0.045
"""Fitting, comparing and fitting again all forms of the mixer, per later request."""
PER_SCORE = 1.5e-8
"""One expert's word on one item, until the best of all are found."""
PER_BYTE = 6e-9
"""Hashing a bundle, writing it and reading it back."""
CODED = 4
"""Vectors cost so many times as much, since codes are made of them for a scan."""
OF_CONTENT = ("bayes", "stacked", "smoothed", "regressed", "content")
"""Experts that nobody can teach where nothing is known of any item."""
EXPLAINED = 200
"""Requests whose shares are explained at the end cost as much as this many that are asked."""
GRAM_KEPT = 0.65
"""Of the pairs in users' pasts, entries of a large Gram matrix."""
PROBE_SECONDS = 0.15
"""What the probe takes on one of the cores that the constants are of."""


class Size(NamedTuple):
    """How much there is to learn from: `n_likes` pairs of a user and an item he met, `n_warm` items met by anybody,
    `n_pairs` pairs of items met by one user.
    """

    n_events: int
    n_likes: int
    n_users: int
    n_items: int
    n_warm: int
    n_pairs: int
    is_described: bool

    @staticmethod
    def of(training_set: TrainingSet) -> "Size":
        """Return a training set's size."""
        events, features = training_set.interactions, training_set.item_features
        met = training_set.seen.sizes
        described = any(len(bags.indices) for bags in (features.categories, features.tags, features.words))
        return Size(
            n_events=len(events),
            n_likes=int(met.sum()),
            n_users=training_set.n_users,
            n_items=training_set.n_items,
            n_warm=len(np.unique(events.item)),
            n_pairs=int((met**2).sum()),
            is_described=described or bool(np.isfinite(features.numeric).any()),
        )


class Machine(NamedTuple):
    """How many times slower one core is just now than those that the laws were measured on, and how many are free."""

    pace: float = 1.0
    cores: float = 1.0

    @staticmethod
    def probed(threads: int) -> "Machine":
        """Return what this machine is just now for so many threads: a second of dense products and far reads."""
        alone, together = _probe(1), _probe(threads)
        return Machine(alone / PROBE_SECONDS, max(1.0, threads * min(1.0, alone / together)))


def _probe(threads: int) -> float:
    """Return the mean seconds of one of so many threads that all do the same."""

    def work(seed: int) -> float:
        draw = np.random.default_rng(seed)
        square, far = draw.random((768, 768), np.float32), np.ones(1 << 22, np.float32)
        places = draw.integers(0, len(far), 1 << 21)
        began = perf_counter()
        for _ in range(4):
            square = square @ square / np.float32(len(square))
            far[0] = far[places].mean()
        return perf_counter() - began

    with one_thread_each(), ThreadPoolExecutor(threads) as pool:
        return float(np.mean([*pool.map(work, range(threads))]))


def expert_seconds(size: Size, settings: Settings, cores: float) -> dict[str, float]:
    """Return what fitting each expert takes; those that share work with one before it take what is left for them.

    An expert that is not named takes next to nothing.
    """
    rule, entries = settings.item_item, _gram_entries(size, settings)
    factorising, gram = _factorising(size, settings) / cores, 6e-8 * size.n_pairs
    equations = gram + _equations(size, settings, entries) / cores
    carried = 1e-8 * size.n_items * min(rule.neighbours, size.n_warm)
    searching = 1.5e-9 * size.n_items * size.n_warm / cores
    regressing = size.n_items * (5e-11 * rule.regression_neighbours**3 + 2e-7 * rule.regression_neighbours**2) / cores
    looked_at = min(size.n_likes * settings.transitions.reach, MAX_PAIRS, size.n_pairs)
    filtering = gram + 3e-11 * size.n_warm**3
    if size.n_warm > settings.spectral.dense_items:
        filtering = _decomposing(size, settings.spectral.rank, cores)
    found = {
        "collaborative": factorising,
        "item-item": equations,
        "spectral": filtering,
        "svd": _decomposing(size, settings.spectral.few, cores),
        "walk": gram + 1.2e-7 * entries,
        "transitions": 1.7e-7 * looked_at,
        "repeat": 4e-7 * size.n_events,
        "bayes": factorising,
        "stacked": equations,
        "smoothed": searching + carried * rule.content_neighbours,
        "regressed": carried * rule.regression_neighbours + regressing,
        "content": 10 + 4e-6 * size.n_events + 2e-4 * size.n_items,
    }
    return {name: found[name] for name in _taught(size, [*found])}


def asking_seconds(size: Size, names: Sequence[str], n_requests: int) -> float:
    """Return what asking experts so many requests takes."""
    return PER_SCORE * n_requests * len(_taught(size, names)) * size.n_items


def finishing_seconds(size: Size, settings: Settings, names: Sequence[str]) -> float:
    """Return what follows the choice of a form: shares by warmth, the bundle written and read back."""
    rule, entries = settings.item_item, _gram_entries(size, settings) / size.n_items
    solved = rule.kept_per_item if size.n_warm <= rule.dense_items else min(rule.kept_per_item, rule.neighbours)
    bytes_of_an_item = {
        **dict.fromkeys(("item-item", "recent", "stacked", "smoothed", "regressed"), 8 * min(solved, entries)),
        **dict.fromkeys(("walk", "transitions"), 8 * min(rule.kept_per_item, entries)),
        **dict.fromkeys(("collaborative", "bayes"), CODED * 4 * settings.collaborative.factors),
        "spectral": CODED * 8 * settings.spectral.rank,
        "svd": CODED * 8 * settings.spectral.few,
        "content": CODED * 4 * settings.content.dim,
    }
    width = sum(bytes_of_an_item.get(name, 16) for name in _taught(size, names))
    return asking_seconds(size, names, EXPLAINED) + PER_BYTE * size.n_items * width


def _taught(size: Size, names: Sequence[str]) -> list[str]:
    return [name for name in names if size.is_described or name not in OF_CONTENT]


def _gram_entries(size: Size, settings: Settings) -> float:
    """Return the entries of a large Gram matrix, of those that an item keeps and of those that keep it."""
    return min(GRAM_KEPT * size.n_pairs, 2 * size.n_warm * settings.item_item.pairs_per_item)


def _factorising(size: Size, settings: Settings) -> float:
    rule = settings.collaborative
    of_rows = 1.8e-5 * (size.n_users + size.n_items) * (rule.factors / 128) ** 2
    return (of_rows + 3.5e-6 * size.n_likes * rule.factors / 128) * rule.epochs / 8


def _equations(size: Size, settings: Settings, entries: float) -> float:
    rule, n = settings.item_item, max(size.n_warm, 1)
    if n <= rule.dense_items:
        return 3e-11 * n**3
    k = min(rule.neighbours, entries / n)
    return n * (1e-5 + 5e-11 * k**3 + 4e-9 * k * min(entries / n, 16 * k))


def _decomposing(size: Size, rank: int, cores: float) -> float:
    width = min(rank + OVERSAMPLING, size.n_warm)
    products = 3 * 1.7e-9 * size.n_likes * width
    return products / cores + size.n_warm * width * (2.5e-10 * width + 3e-8) + 1e-6 * (size.n_users + size.n_likes)
