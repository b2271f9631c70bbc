"""How sure a number is: bootstrap over users, jackknife, Wilson.

Owns the arithmetic of intervals. Never draws from a generator that the caller did not pass, and never decides what a
unit is: whoever calls says which values belong to one user.
"""

from collections.abc import Callable, Sequence
from math import isfinite, nan, sqrt
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldframe.dataset.training_set import Bools
from coldframe.errors import InputError

Doubles = NDArray[np.float64]
Totals = NDArray[Any]
"""What rows add up to: a vector of counts or sums."""
Clusters = NDArray[Any] | Sequence[object]
"""One label per value; equal labels are one unit (a user), drawn or left out together."""

MAX_UNITS = 20_000
"""More units than this are pooled at random into so many before drawing, which leaves the mean's spread and skew as
they are (to about 0.5 %) and bounds the time."""
VANISHING = 1e-12
"""A base smaller than this share of the gain is no base to be relative to."""
INDICES_AT_ONCE = 1_000_000
"""Drawn indices held in memory at a time (8 MB)."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number, its interval and how many values it is made of.

    `low` and `high` are NaN when nothing can be said about the spread; all three are NaN when `n` is 0.
    """

    value: float
    low: float = nan
    high: float = nan
    n: int = 0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How much better `a` is than `b` on the same units.

    `difference` is mean(a) − mean(b); `relative` that over mean(b), NaN where mean(b) can be 0; `p_value` is two-sided
    for "no difference", never below 1 / (draws + 1).
    """

    a: float
    b: float
    difference: Estimate
    relative: Estimate
    p_value: float


def bootstrap_mean(
    values: ArrayLike,
    clusters: Clusters | None = None,
    *,
    generator: np.random.Generator,
    level: float = 0.95,
    draws: int = 1000,
) -> Estimate:
    """Return the mean of the values [n] with a percentile interval over resampled units.

    Whole clusters are drawn with replacement, so several values of one user are not counted as independent; the mean
    stays one over values. NaN values ("not defined here") are left out. With fewer than two units `low` and `high`
    are NaN. Raises `InputError` when `clusters` has another length.

    >>> from coldframe.clock import generator
    >>> bootstrap_mean([0.0, 1.0, float("nan"), 1.0, 0.0], generator=generator(0, "doc")).value
    0.5
    >>> bootstrap_mean([1.0, 1.0, 1.0], ["ann", "ann", "ann"], generator=generator(0, "doc")).low
    nan
    """
    given = np.asarray(values, dtype=np.float64)
    kept = ~np.isnan(given)
    sums, counts = _unit_sums([given[kept]], _labels(clusters, len(given), kept))
    return _ratio_estimate(sums, counts, generator=generator, level=level, draws=draws)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Clusters | None = None,
    *,
    generator: np.random.Generator,
    level: float = 0.95,
    draws: int = 1000,
) -> Comparison:
    """Compare two arrays [n] measured on the same requests, drawing whole units with replacement.

    Pairs in which either is NaN are left out. Raises `InputError` when lengths differ.

    >>> from coldframe.clock import generator
    >>> result = paired_bootstrap([3.0, 4.0, 5.0], [2.0, 3.0, 4.0], generator=generator(0, "doc"))
    >>> result.difference
    Estimate(value=1.0, low=1.0, high=1.0, n=3)
    >>> round(result.relative.value, 3)
    0.333
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise InputError(f"{left.shape} values cannot be paired with {right.shape}.", remedy="Pass one per request.")
    kept = ~(np.isnan(left) | np.isnan(right))
    sums, counts = _unit_sums([left[kept] - right[kept], right[kept]], _labels(clusters, len(left), kept))
    total, n = sums.sum(axis=1), int(counts.sum())
    if len(counts) < 2:
        return _without_spread(total, n)
    (gain, base), size = _resample(sums, counts, generator, draws)
    positive = bool(np.all(base > VANISHING * np.abs(gain)) and np.all(base > 0))
    relative = _percentiles(gain / base, level) if positive else (nan, nan)
    return Comparison(
        a=_divide(total[0] + total[1], n),
        b=_divide(total[1], n),
        difference=_estimate(total[0] / n, _percentiles(gain / size, level), n),
        relative=_estimate(_divide(total[0], total[1]) if positive else nan, relative, n),
        p_value=_two_sided(gain),
    )


def wilson(successes: int, n: int, *, level: float = 0.95) -> Estimate:
    """Return a proportion of `n` independent trials with Wilson's score interval (1927); never empty at 0 or n.

    >>> wilson(0, 10)
    Estimate(value=0.0, low=0.0, high=0.2775..., n=10)
    """
    if not 0 <= successes <= n:
        raise InputError(f"{successes} successes of {n} trials.", remedy="Pass 0 ≤ successes ≤ n.")
    if n == 0:
        return Estimate(value=nan)
    z = normal_quantile(level)
    share, weight = successes / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(value=share, low=low, high=high, n=n)


def jackknife(
    total: Callable[[Bools], Totals],
    statistic: Callable[[Totals], float],
    clusters: Clusters,
    *,
    generator: np.random.Generator,
    level: float = 0.95,
    groups: int = 100,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Return a statistic of totals that is no mean (a coverage, a Gini) with a delete-a-group jackknife interval.

    `total` gets a boolean mask over the n rows and returns what those rows add up to (exposures per item, say);
    `statistic` maps a total to the number. Units go at random into `groups` groups, each left out once:
    se² = (g − 1)/g · Σ (θ₍₋ⱼ₎ − mean)². The interval is value ± z·se within `bounds`, rather too wide than too narrow
    (Efron & Stein 1981); low and high are NaN with fewer than two units. A bootstrap would be biased here: a resample
    shows fewer distinct items than the sample did.
    """
    _, unit = np.unique(np.asarray(clusters), return_inverse=True)
    n_units = int(unit.max()) + 1 if len(unit) else 0
    everything = total(np.ones(len(unit), dtype=np.bool_))
    value = statistic(everything)
    if n_units < 2 or not isfinite(value):
        return Estimate(value=value, n=len(unit))
    count = min(groups, n_units)
    group = (generator.permutation(n_units) % count)[unit]
    left_out = np.array([statistic(everything - total(group == j)) for j in range(count)])
    half = normal_quantile(level) * sqrt((count - 1) * float(left_out.var()))
    return _estimate(value, (max(value - half, bounds[0]), min(value + half, bounds[1])), len(unit))


def normal_quantile(level: float) -> float:
    """Return z such that a standard normal lies within ±z with probability `level`.

    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    if not 0 < level < 1:
        raise InputError(f"An interval cannot have level {level}.", remedy="Pass a level between 0 and 1.")
    return NormalDist().inv_cdf((1 + level) / 2)


def _labels(clusters: Clusters | None, n: int, kept: Bools) -> NDArray[np.intp]:
    """Return a dense unit number for each kept value."""
    if clusters is None:
        return np.arange(int(kept.sum()))
    labels = np.asarray(clusters)
    if len(labels) != n:
        raise InputError(f"There are {n} values and {len(labels)} clusters.", remedy="Pass one cluster per value.")
    return np.unique(labels[kept], return_inverse=True)[1]


def _unit_sums(columns: Sequence[Doubles], unit: NDArray[np.intp]) -> tuple[Doubles, Doubles]:
    """Return the sum of each column per unit [n_columns, n_units] and how many values each unit has."""
    counts = np.bincount(unit).astype(np.float64)
    return np.array([np.bincount(unit, column, len(counts)) for column in columns], dtype=np.float64), counts


def _ratio_estimate(
    sums: Doubles, counts: Doubles, *, generator: np.random.Generator, level: float, draws: int
) -> Estimate:
    n = int(counts.sum())
    value = _divide(float(sums.sum()), n)
    if len(counts) < 2:
        return Estimate(value=value, n=n)
    (drawn,), size = _resample(sums, counts, generator, draws)
    return _estimate(value, _percentiles(drawn / size, level), n)


def _resample(
    sums: Doubles, counts: Doubles, generator: np.random.Generator, draws: int
) -> tuple[list[Doubles], Doubles]:
    """Return, for each draw of as many units as there are, the drawn sum of every column and of the counts."""
    sums, counts = _pooled(sums, counts, generator)
    n_units = len(counts)
    rows_at_once = max(1, INDICES_AT_ONCE // n_units)
    parts: list[list[Doubles]] = []
    for begin in range(0, draws, rows_at_once):
        rows = min(rows_at_once, draws - begin)
        chosen = generator.integers(0, n_units, size=(rows, n_units))
        parts.append([column.take(chosen).sum(axis=1) for column in (*sums, counts)])
    *drawn, size = (np.concatenate(column) for column in zip(*parts, strict=True))
    return drawn, size


def _pooled(sums: Doubles, counts: Doubles, generator: np.random.Generator) -> tuple[Doubles, Doubles]:
    if len(counts) <= MAX_UNITS:
        return sums, counts
    pool = generator.permutation(len(counts)) % MAX_UNITS
    pooled = np.array([np.bincount(pool, column, MAX_UNITS) for column in (*sums, counts)], dtype=np.float64)
    return pooled[:-1], pooled[-1]


def _percentiles(drawn: Doubles, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _two_sided(drawn: Doubles) -> float:
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    return min(1.0, 2 * (1 + min(below, above)) / (len(drawn) + 1))


def _without_spread(total: Doubles, n: int) -> Comparison:
    difference = Estimate(value=_divide(total[0], n), n=n)
    relative = Estimate(value=_divide(total[0], total[1]), n=n)
    return Comparison(
        a=_divide(total.sum(), n), b=_divide(total[1], n), difference=difference, relative=relative, p_value=nan
    )


def _estimate(value: float, bounds: tuple[float, float], n: int) -> Estimate:
    return Estimate(value=float(value), low=bounds[0], high=bounds[1], n=n)


def _divide(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else nan
