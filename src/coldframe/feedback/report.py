"""A production metric with everything a reader needs to trust it: value, interval, size, unit, definition, remarks.

Owns the shape of the report and the wording of each definition. Never computes a value.
"""

from collections.abc import Collection
from datetime import datetime
from math import isfinite, isnan

import msgspec

from coldframe.metrics.interval import Estimate

TOP = 3
"""CTR@3: five are shown, three are seen."""
DEPTH = 10
"""Positions that diversity, coverage and exposure look at."""
DEFAULT_CLICKS = ("click", "add_to_cart", "purchase")
"""Event types that show somebody took the item up. A view is none: trackers send it for whatever scrolls by."""


_VARIETY = {
    "diversity": (
        f"Mean over lists of the distinct categories in the first {DEPTH} divided by all categories of the catalogue; "
        "an item without a category counts as no category."
    ),
    "normalised_diversity": (
        f"Mean over lists of the distinct categories in the first {DEPTH} divided by min({DEPTH}, all categories), at "
        "most 1."
    ),
    "coverage": f"Share of the catalogue that stood in the first {DEPTH} positions of at least one list.",
    "exposure_gini": (
        f"Gini coefficient of how often each item of the catalogue stood in the first {DEPTH} positions, items never "
        "shown included; 0 all equally often, 1 one item always."
    ),
    "top_2_category_share": (
        f"Share of the first {DEPTH} positions that the two most shown categories hold; an item of several categories "
        "is split evenly."
    ),
}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One number. `value` is None when it cannot be said, `low` and `high` without an interval; `note` says why."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    definition: str
    note: str = ""


class ProductionMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What was delivered and what came of it, from `start` (None: the beginning) to `end` (None: nothing happened).

    `metrics` maps a name to its metric over everything; with a grouping, `groups` maps each group to the same. `counts`
    says how many lists, users and outcomes there were and what was left out.
    """

    start: datetime | None
    end: datetime | None
    metrics: dict[str, Metric]
    by: str | None = None
    groups: dict[str, dict[str, Metric]] = {}
    counts: dict[str, int] = {}


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as a click and a conversion, and how far the restricted mean looks."""

    clicks: tuple[str, ...] = DEFAULT_CLICKS
    conversions: tuple[str, ...] = ("purchase",)
    horizon_days: float = 30.0

    def units(self) -> dict[str, str]:
        """Return the unit of each metric, in the order they are reported."""
        return dict.fromkeys(self.texts(), "share") | dict.fromkeys(
            ("days_to_first_conversion", "days_within_horizon"), "days"
        )

    def texts(self, *, replayed: bool = False, grouped: bool = False) -> dict[str, str]:
        """Return the definition of each metric as it was computed."""
        ctr = self._replayed_ctr() if replayed else self._ctr()
        return {"ctr_at_3": ctr, **self._waits(_clock_start(grouped)), **_VARIETY}

    def _waits(self, begin: str) -> dict[str, str]:
        first, days = _any(self.conversions), f"{self.horizon_days:g}"
        return {
            "days_to_first_conversion": (
                f"Median over users of the days from {begin} to the first {first}; Kaplan-Meier, users still waiting "
                "are right-censored at the end of the log."
            ),
            "days_within_horizon": (
                f"Mean over users of the days waited for the first {first} within {days} days of {begin}: the area "
                f"under the Kaplan-Meier curve up to there (a user who does not convert waits all {days})."
            ),
        }

    def _ctr(self) -> str:
        return (
            f"Share of delivered lists with at least one {_any(self.clicks)} on an item in positions 1-{TOP}, joined "
            "by recommendation_id and not before the list was delivered; an empty list counts as one without."
        )

    def _replayed_ctr(self) -> str:
        return (
            f"Replay, nobody saw these lists: share of test users who later chose at least one item that the model "
            f"puts in positions 1-{TOP}. A hit rate, not a click rate."
        )


def metric(name: str, estimate: Estimate, *, unit: str, definition: str, empty: str = "", note: str = "") -> Metric:
    """Return an estimate as a metric; what is not finite becomes None, with the reason (`empty` for no value)."""
    value, low, high = (
        number if isfinite(number) else None for number in (estimate.value, estimate.low, estimate.high)
    )
    reasons = [note] if note else []
    if value is None:
        reasons.insert(0, empty or "Nothing to measure yet.")
    elif isnan(estimate.low):
        reasons.append("No interval: fewer than two users.")
    elif high is None:
        reasons.append("The upper end lies beyond the log.")
    text = " ".join(reasons)
    return Metric(name=name, value=value, low=low, high=high, n=estimate.n, unit=unit, definition=definition, note=text)


def _clock_start(grouped: bool) -> str:
    if grouped:
        return "the first list delivered to them (the group is that list's; who had converted before is left out)"
    return "sign-up (else the first event)"


def _any(types: Collection[str]) -> str:
    """Name event types as alternatives.

    >>> _any(("click", "purchase"))
    'click or purchase'
    """
    return " or ".join(types)
