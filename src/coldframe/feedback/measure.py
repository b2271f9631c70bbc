"""Each production metric of a set of delivered lists, as an estimate with its remarks.

Owns which interval belongs to which metric: means over lists are bootstrapped by user, a click rate of exactly 0 or 1
gets Wilson's interval, waits come from Kaplan-Meier, and what is no mean is jackknifed by user.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.training_set import Bags, Bools, Rows
from coldframe.feedback.conversion import FirstConversions
from coldframe.metrics import beyond
from coldframe.metrics.bootstrap import bootstrap_mean
from coldframe.metrics.interval import Doubles, Estimate, Totals, jackknife, wilson

NO_LIST = "No list was delivered."
NO_CATEGORY = "No delivered item is in the catalogue, or the catalogue has no categories."


class Reading(NamedTuple):
    """An estimate, why it is empty if it is, and what else a reader should know."""

    estimate: Estimate
    empty: str = NO_LIST
    note: str = ""


@dataclass(frozen=True)
class Lists:
    """Delivered lists as arrays: who got each [n], the item rows in its first positions [n, depth], whether one of
    the top positions was clicked [n]. A row is −1 where a list ends or its item has left the catalogue.
    """

    actor: NDArray[np.int64]
    ranked: Rows
    clicked: Bools

    def __len__(self) -> int:
        return len(self.actor)

    @property
    def n_actors(self) -> int:
        """How many different users or sessions got a list."""
        return len(np.unique(self.actor))

    def where(self, mask: Bools) -> "Lists":
        """Return the lists that a boolean mask [n] keeps."""
        return Lists(self.actor[mask], self.ranked[mask], self.clicked[mask])


def click_rate(lists: Lists, *, seed: int) -> Reading:
    """Return the share of lists that were clicked in a top position."""
    clicks, users = int(lists.clicked.sum()), lists.n_actors
    if users > 1 and clicks in {0, len(lists)}:
        bound = wilson(users if clicks else 0, users)
        estimate = Estimate(value=bound.value, low=bound.low, high=bound.high, n=len(lists))
        return Reading(estimate, note="All lists agree: Wilson's interval over users.")
    return Reading(bootstrap_mean(lists.clicked, lists.actor, generator=generator(seed, "metrics", "ctr")))


def waiting(waits: FirstConversions | None, *, horizon_days: float, replayed: bool) -> dict[str, Reading]:
    """Return the median wait and the mean wait within the horizon."""
    if waits is None:
        why = "A replay has no time." if replayed else "The log is empty."
        nothing = Reading(Estimate(value=nan), empty=why)
        return {"days_to_first_conversion": nothing, "days_within_horizon": nothing}
    curve = waits.curve()
    median, mean = curve.median(), curve.restricted_mean(horizon_days)
    followed = f"Nobody has been followed for {horizon_days:g} days; the longest is {curve.followed_for:.3g}."
    nobody, note = "No user has a sign-up or an event in this period.", _remarks(waits)
    return {
        "days_to_first_conversion": Reading(
            median, empty=nobody if isnan(median.value) else "More than half have not converted yet.", note=note
        ),
        "days_within_horizon": Reading(mean, empty=followed if curve.n else nobody, note=note),
    }


def variety(lists: Lists, categories: Bags, *, seed: int) -> dict[str, Reading]:
    """Return the seed article's diversity score and the normalised one."""
    scores: dict[str, Doubles] = {
        "diversity": beyond.category_diversity(lists.ranked, categories),
        "normalised_diversity": beyond.normalised_category_diversity(lists.ranked, categories),
    }
    empty = NO_CATEGORY if len(lists) else NO_LIST
    return {
        name: Reading(bootstrap_mean(values, lists.actor, generator=generator(seed, "metrics", name)), empty)
        for name, values in scores.items()
    }


def spread(lists: Lists, n_items: int, categories: Bags, *, seed: int) -> dict[str, Reading]:
    """Return coverage, the Gini coefficient of exposure and the share of the two most shown categories."""

    def items(kept: Bools) -> Totals:
        return beyond.exposure(lists.ranked[kept], n_items)

    def held(kept: Bools) -> Totals:
        return beyond.category_exposure(lists.ranked[kept], categories)

    ways: dict[str, tuple[Callable[[Bools], Totals], Callable[[Totals], float]]] = {
        "coverage": (items, beyond.coverage),
        "exposure_gini": (items, beyond.gini),
        "top_2_category_share": (held, beyond.concentration),
    }
    return {name: _spread(name, lists, n_items, *way, seed=seed) for name, way in ways.items()}


def _spread(
    name: str,
    lists: Lists,
    n_items: int,
    total: Callable[[Bools], Totals],
    statistic: Callable[[Totals], float],
    *,
    seed: int,
) -> Reading:
    if len(lists) == 0:
        return Reading(Estimate(value=nan))
    draw = generator(seed, "metrics", name)
    estimate = jackknife(total, statistic, lists.actor, generator=draw, bounds=(0.0, 1.0))
    return Reading(estimate, empty="No delivered item is in the catalogue." if n_items else "The catalogue is empty.")


def _remarks(waits: FirstConversions) -> str:
    remarks = {
        f"{waits.without_sign_up} of {len(waits.days)} users have no sign-up: their clock starts at their first event, "
        "and one that converts counts as 0 days.": waits.without_sign_up,
        f"{waits.clipped} converted before their clock started and count as 0 days.": waits.clipped,
    }
    return " ".join(remark for remark, count in remarks.items() if count)
