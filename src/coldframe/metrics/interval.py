"""How sure a number is: what an estimate and a comparison are, the jackknife, Wilson.

Owns the arithmetic of intervals of shares and totals; `bootstrap` owns those of means. Never draws from a generator
that the caller did not pass, and never decides what a unit is: whoever calls says which values belong to one user.
"""

from collections.abc import Callable, Sequence
from math import isfinite, nan, sqrt
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools
from coldframe.errors import InputError

Doubles = NDArray[np.float64]
Totals = NDArray[Any]
"""What rows add up to: a vector of counts or sums."""
Clusters = NDArray[Any] | Sequence[object]
"""One label per value; equal labels are one unit (a user), drawn or left out together."""


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


def _estimate(value: float, bounds: tuple[float, float], n: int) -> Estimate:
    return Estimate(value=float(value), low=bounds[0], high=bounds[1], n=n)
