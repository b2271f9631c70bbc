"""How long until it happens, when for many it has not happened yet.

Owns the Kaplan-Meier estimate and what is read off it. Never decides what a beginning or an event is.
A mean over those who converted would be wrong twice: it forgets the slow and rewards a log that ended early.
"""

from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldframe.dataset.training_set import Bools
from coldframe.errors import InputError
from coldframe.metrics.interval import Doubles, Estimate, normal_quantile


@dataclass(frozen=True)
class SurvivalCurve:
    """The share for whom it has not happened yet, after each distinct duration.

    `times` are the distinct durations, ascending, those of censored ones included. `survival[j]` is S(t) for
    times[j] ≤ t < times[j + 1], and 1 before the first; `low` and `high` bound it pointwise. `at_risk[j]` are those
    followed for at least times[j], `events[j]` those for whom it happened then. `n` is everybody.
    """

    times: Doubles
    survival: Doubles
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    low: Doubles
    high: Doubles
    level: float

    @property
    def n(self) -> int:
        """How many were followed."""
        return int(self.at_risk[0]) if len(self.at_risk) else 0

    @property
    def followed_for(self) -> float:
        """The longest anybody was followed; 0 when nobody was."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def median(self) -> Estimate:
        """Return the first time at which S ≤ 0.5; infinite while more than half still wait, NaN for nobody.

        The interval (Brookmeyer & Crowley 1982) is where the pointwise band crosses 0.5; its high end is infinite
        when the upper band never does.
        """
        if self.n == 0:
            return Estimate(value=nan)
        value, low, high = (self._first_below(curve) for curve in (self.survival, self.low, self.high))
        return Estimate(value=value, low=low, high=high, n=self.n)

    def restricted_mean(self, horizon: float) -> Estimate:
        """Return the mean time waited within the first `horizon`: the area under S from 0 to the horizon.

        The interval is normal with Greenwood's variance, within 0 … horizon. NaN when nobody was followed that long
        and some still wait, because the curve is not known up to there. Raises `InputError` unless horizon > 0.

        Half convert at time 1, the rest wait for 2 and more: 1 · 1 + 0.5 · 1 = 1.5.

        >>> kaplan_meier([1, 5], [True, False]).restricted_mean(2).value
        1.5
        """
        if not horizon > 0:
            raise InputError(f"A horizon of {horizon} has no mean.", remedy="Pass a horizon above 0.")
        if self.n == 0 or (self.followed_for < horizon and self.survival[-1] > 0):
            return Estimate(value=nan, n=self.n)
        inside = self.times < horizon
        edges = np.concatenate([[0.0], self.times[inside], [horizon]])
        areas = np.concatenate([[1.0], self.survival[inside]]) * np.diff(edges)
        still = areas[::-1].cumsum()[::-1]
        terms = _greenwood_terms(self.events, self.at_risk)[inside]
        last = ~np.isfinite(terms)
        variance = float((still[1:] ** 2 * np.where(last, 0.0, terms)).sum())
        half = normal_quantile(self.level) * sqrt(variance)
        mean = float(still[0])
        return Estimate(value=mean, low=max(0.0, mean - half), high=min(horizon, mean + half), n=self.n)

    def _first_below(self, curve: Doubles) -> float:
        below = np.flatnonzero(curve <= 0.5)
        return float(self.times[below[0]]) if len(below) else inf


def kaplan_meier(durations: ArrayLike, observed: ArrayLike, *, level: float = 0.95) -> SurvivalCurve:
    """Return the product-limit estimate (Kaplan & Meier 1958) of the time to an event, right-censored.

    `durations` [n] ≥ 0 in any unit; `observed` [n]: True when the event happened then, False when following ended
    then. Of a tie, events come before censoring. S(t) = Π (1 − events / at_risk) over times ≤ t. The band is
    Greenwood's variance on the log(−log) scale; where S is still 1 its low end is the exact (α/2)^(1/at_risk), where
    S is 0 the last upper end is carried on. An empty input gives an empty curve. Raises `InputError` for negative or
    non-finite durations and for different lengths.

    Four people: one converts at 1, one is lost at 2, one converts at 3, one is lost at 4:
    S = 3/4 after 1, and 3/4 · 1/2 after 3.

    >>> curve = kaplan_meier([1, 2, 3, 4], [True, False, True, False])
    >>> curve.survival.tolist()
    [0.75, 0.75, 0.375, 0.375]
    >>> curve.median().value
    3.0
    """
    lengths, happened = np.asarray(durations, dtype=np.float64), np.asarray(observed, dtype=np.bool_)
    _check(lengths, happened)
    times, place = np.unique(lengths, return_inverse=True)
    leaving = np.bincount(place, minlength=len(times))
    events = np.bincount(place[happened], minlength=len(times))
    at_risk = len(lengths) - np.cumsum(leaving) + leaving
    survival = np.cumprod(1.0 - events / at_risk, dtype=np.float64)
    low, high = _band(survival, events, at_risk, level)
    return SurvivalCurve(times, survival, at_risk, events, low, high, level)


def _check(lengths: Doubles, happened: Bools) -> None:
    if lengths.shape != happened.shape or lengths.ndim != 1:
        raise InputError(
            f"Durations {lengths.shape} and observed {happened.shape} do not match.", remedy="Pass two arrays [n]."
        )
    if not np.all(np.isfinite(lengths) & (lengths >= 0)):
        raise InputError("A duration is negative or not finite.", remedy="Clip durations from skewed clocks to 0.")


def _greenwood_terms(events: NDArray[np.int64], at_risk: NDArray[np.int64]) -> Doubles:
    """Return events / (at_risk · (at_risk − events)), infinite where everybody left had the event."""
    left = at_risk * (at_risk - events)
    return np.where(left > 0, events / np.maximum(left, 1), np.inf)


def _band(
    survival: Doubles, events: NDArray[np.int64], at_risk: NDArray[np.int64], level: float
) -> tuple[Doubles, Doubles]:
    z, tail = normal_quantile(level), (1 - level) / 2
    low, high = tail ** (1.0 / at_risk), np.ones_like(survival)
    inner = (survival > 0) & (survival < 1)
    log_s = np.log(survival[inner])
    spread = z * np.sqrt(np.cumsum(_greenwood_terms(events, at_risk))[inner]) / log_s
    low[inner], high[inner] = np.exp(log_s * np.exp(-spread)), np.exp(log_s * np.exp(spread))
    gone = survival <= 0
    before = high[~gone][-1:] if not gone.all() else 1.0 - tail ** (1.0 / at_risk[:1])
    low[gone], high[gone] = 0.0, before if gone.any() else 0.0
    return low, high
