"""How sure a mean is: whole users drawn with replacement.

Owns the draws, and what means and differences of means they make. Never draws from a generator that the caller did not
pass, and never decides what a unit is: whoever calls says which values belong to one user.
"""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldframe.dataset.training_set import Bools
from coldframe.errors import InputError
from coldframe.metrics.interval import Clusters, Comparison, Doubles, Estimate

MAX_UNITS = 5_000
"""More units than this are pooled at random into so many before drawing. That bounds the time, and moves the width of
an interval by about 1 %: a quarter of what a thousand draws move it by themselves."""
VANISHING = 1e-12
"""A base smaller than this share of the gain is no base to be relative to."""
DRAWN_AT_ONCE = 1_000_000
"""Drawn units held in memory as wide numbers at a time (8 MB)."""


@dataclass(frozen=True)
class Resamples:
    """Draws of as many units as there are, made once for everything that is measured on the same n requests.

    `unit` is the unit of each request, [n]; `times` says how often each draw has each unit, [n_draws, n_units].
    Means and comparisons of one `Resamples` share their draws: one pass over them serves all models and metrics.
    """

    unit: NDArray[np.intp]
    times: NDArray[np.uint8]

    @staticmethod
    def draw(clusters: Clusters, *, generator: np.random.Generator, draws: int = 1000) -> "Resamples":
        """Return draws of the distinct labels of `clusters` [n], one label per request."""
        unit = np.unique(np.asarray(clusters), return_inverse=True)[1]
        n_units = int(unit.max()) + 1 if len(unit) else 0
        if n_units > MAX_UNITS:
            unit = (generator.permutation(n_units) % MAX_UNITS)[unit]
            n_units = MAX_UNITS
        return Resamples(unit, _times(n_units, draws, generator))

    def means(self, values: Doubles, *, level: float = 0.95) -> list[Estimate]:
        """Return the mean of each row of `values` [n_rows, n] with a percentile interval.

        NaN values are left out, of the draws too. With fewer than two units of known value there is no interval.

        >>> from coldframe.clock import generator
        >>> resamples = Resamples.draw(["ann", "bob"], generator=generator(0, "doc"))
        >>> resamples.means(np.array([[0.0, 1.0]]))
        [Estimate(value=0.5, low=0.0, high=1.0, n=2)]
        """
        self._refuse_other_length(values)
        known = ~np.isnan(values)
        sums, counts = self._per_unit(np.where(known, values, 0.0)), self._known(known)
        drawn, sizes = self._totals(sums, counts)
        return [
            _estimate(total, count, mean, level)
            for total, count, mean in zip(sums, _rows(counts, len(sums)), _ratios(drawn, sizes), strict=True)
        ]

    def comparisons(self, a: Doubles, b: Doubles, *, level: float = 0.95) -> list[Comparison]:
        """Return how much better each row of `a` [n_rows, n] is than the same row of `b`, pair by pair.

        Pairs in which either is NaN are left out.
        """
        self._refuse_other_length(a)
        self._refuse_other_length(b)
        known = ~(np.isnan(a) | np.isnan(b))
        gains, bases = self._per_unit(np.where(known, a - b, 0.0)), self._per_unit(np.where(known, b, 0.0))
        counts = self._known(known)
        drawn_gains, drawn_bases, sizes = self._totals(gains, bases, counts)
        observed = zip(gains, bases, _rows(counts, len(gains)), strict=True)
        drawn = zip(drawn_gains, drawn_bases, _rows(sizes, len(gains)), strict=True)
        return [_comparison(_Pair(*one), _Pair(*again), level) for one, again in zip(observed, drawn, strict=True)]

    def _per_unit(self, values: NDArray[np.generic]) -> Doubles:
        """Return the sum of every row per unit, [n_rows, n_units]."""
        n_units = self.times.shape[1]
        sums = [np.bincount(self.unit, row, n_units) for row in values]
        return np.array(sums, dtype=np.float64).reshape(len(values), n_units)

    def _known(self, known: Bools) -> Doubles:
        """Return how many values of every row are known per unit: one row for all where all know the same."""
        return self._per_unit(known[:1] if (known == known[:1]).all() else known)

    def _totals(self, *tables: Doubles) -> list[Doubles]:
        """Return what every row of each table [n_rows, n_units] adds up to in each draw, [n_rows, n_draws]."""
        rows = np.concatenate(tables)
        step = max(1, DRAWN_AT_ONCE // max(1, self.times.shape[1]))
        blocks = (self.times[begin : begin + step] for begin in range(0, len(self.times), step))
        totals = np.concatenate([rows @ block.T.astype(np.float64) for block in blocks], axis=1)
        return np.split(totals, np.cumsum([len(table) for table in tables])[:-1])

    def _refuse_other_length(self, values: Doubles) -> None:
        if values.ndim != 2 or values.shape[1] != len(self.unit):
            raise InputError(
                f"There are values of shape {values.shape} and {len(self.unit)} clusters.",
                remedy="Pass one cluster per value.",
            )


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
    resamples = Resamples.draw(_labels(clusters, len(given))[kept], generator=generator, draws=draws)
    return resamples.means(given[None, kept], level=level)[0]


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
    resamples = Resamples.draw(_labels(clusters, len(left))[kept], generator=generator, draws=draws)
    return resamples.comparisons(left[None, kept], right[None, kept], level=level)[0]


@dataclass(frozen=True)
class _Pair:
    """What units (or draws) add up to: gains of a over b, values of b, and how many pairs."""

    gain: Doubles
    base: Doubles
    count: Doubles


def _times(n_units: int, draws: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    times = np.zeros((draws, n_units), dtype=np.uint8)
    step = max(1, DRAWN_AT_ONCE // max(1, n_units))
    for begin in range(0, draws, step) if n_units else ():
        rows = min(step, draws - begin)
        chosen = generator.integers(0, n_units, size=(rows, n_units)) + n_units * np.arange(rows)[:, None]
        times[begin : begin + rows] = np.bincount(chosen.ravel(), minlength=rows * n_units).reshape(rows, n_units)
    return times


def _labels(clusters: Clusters | None, n: int) -> NDArray[np.generic]:
    if clusters is None:
        return np.arange(n)
    labels = np.asarray(clusters)
    if len(labels) != n:
        raise InputError(f"There are {n} values and {len(labels)} clusters.", remedy="Pass one cluster per value.")
    return labels


def _rows(table: Doubles, n: int) -> Doubles:
    """Return n rows: the table's own, or its only row for each."""
    return np.broadcast_to(table, (n, table.shape[1]))


def _ratios(sums: Doubles, counts: Doubles) -> Doubles:
    """Return sums ÷ counts, NaN where a count is 0."""
    return np.divide(sums, counts, out=np.full(sums.shape, nan), where=counts > 0)


def _estimate(sums: Doubles, counts: Doubles, drawn: Doubles, level: float) -> Estimate:
    n = int(counts.sum())
    value = float(sums.sum()) / n if n else nan
    low, high = _percentiles(drawn, level) if (counts > 0).sum() > 1 else (nan, nan)
    return Estimate(value=value, low=low, high=high, n=n)


def _comparison(observed: _Pair, drawn: _Pair, level: float) -> Comparison:
    n, gain, base = int(observed.count.sum()), float(observed.gain.sum()), float(observed.base.sum())
    spread = bool((observed.count > 0).sum() > 1)
    difference = _estimate(observed.gain, observed.count, _ratios(drawn.gain, drawn.count), level)
    based = base > VANISHING * abs(gain)
    if spread:
        based = bool(np.all((drawn.base > VANISHING * np.abs(drawn.gain)) | (drawn.count == 0)))
    low, high = _percentiles(_ratios(drawn.gain, drawn.base), level) if spread and based else (nan, nan)
    return Comparison(
        a=(gain + base) / n if n else nan,
        b=base / n if n else nan,
        difference=difference,
        relative=Estimate(value=gain / base if based and base else nan, low=low, high=high, n=n),
        p_value=_two_sided(drawn.gain[drawn.count > 0]) if spread else nan,
    )


def _percentiles(drawn: Doubles, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn[~np.isnan(drawn)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _two_sided(drawn: Doubles) -> float:
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    return min(1.0, 2 * (1 + min(below, above)) / (len(drawn) + 1))
