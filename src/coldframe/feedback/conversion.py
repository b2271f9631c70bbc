"""How long each user took to their first conversion, or how long they have been waiting.

Owns where a user's clock starts and ends. Never estimates: `metrics.kaplan_meier` does.
Sessions without a user are nobody's first conversion: a visitor who comes back under another session would count
twice as still waiting.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from coldframe.dataset.training_set import DAY_US, Bools
from coldframe.events.schema import TIME
from coldframe.metrics.interval import Doubles
from coldframe.metrics.survival import SurvivalCurve, kaplan_meier


@dataclass(frozen=True)
class FirstConversions:
    """One user per row: `days` until the first conversion (`observed`) or until the log ends (censored).

    `clipped` users converted before their clock started (skewed clocks, guest orders): they count as 0 days.
    `without_sign_up` users have no sign-up, so their clock starts at their first event.
    """

    days: Doubles
    observed: Bools
    clipped: int
    without_sign_up: int = 0

    def curve(self, *, level: float = 0.95) -> SurvivalCurve:
        """Return the Kaplan-Meier curve of still waiting, in days."""
        return kaplan_meier(self.days, self.observed, level=level)


def user_milestones(events: pl.LazyFrame, conversions: Collection[str]) -> pl.DataFrame:
    """Return user_id, first_event and converted_at (null: not yet) of each user in the log."""
    converting = pl.col("event_type").is_in(sorted(conversions))
    return (
        events.filter(pl.col("user_id").is_not_null())
        .group_by("user_id")
        .agg(
            first_event=pl.col("timestamp").min(),
            converted_at=pl.col("timestamp").filter(converting).min(),
        )
        .collect()
    )


def begin_at_sign_up(signed_up: pl.DataFrame, milestones: pl.DataFrame) -> pl.DataFrame:
    """Return user_id, begin (`signed_up_at`, else the first event; users with neither are left out) and signed_up.

    `signed_up` has user_id and signed_up_at.
    """
    both = signed_up.join(milestones, on="user_id", how="full", coalesce=True)
    begin, known = pl.coalesce("signed_up_at", "first_event"), pl.col("signed_up_at").is_not_null()
    return both.select("user_id", begin=begin, signed_up=known).drop_nulls()


def begin_at_first_list(lists: pl.DataFrame, milestones: pl.DataFrame, by: str) -> pl.DataFrame:
    """Return user_id, begin, signed_up (true) and the column `by` of each user's first list.

    Users who had converted before that list are left out: it cannot have made them wait less. `lists` is
    `Delivered.lists`.
    """
    first = lists.drop_nulls("user_id").unique("user_id", keep="first", maintain_order=True)
    converted = pl.col("converted_at")
    waiting = converted.is_null() | (converted >= pl.col("delivered_at"))
    joined = first.join(milestones, on="user_id", how="left").filter(waiting)
    return joined.select("user_id", by, begin="delivered_at", signed_up=pl.lit(value=True))


def first_conversions(
    begins: pl.DataFrame, milestones: pl.DataFrame, *, start: datetime | None, end: datetime
) -> FirstConversions:
    """Return the waiting times of the users whose clock starts in `start` … `end`.

    `begins` has user_id, begin and signed_up, `milestones` the columns of `user_milestones`; no event in them is
    after `end`.
    """
    cohort = begins.filter(pl.col("begin") <= end)
    if start is not None:
        cohort = cohort.filter(pl.col("begin") >= start)
    joined = cohort.join(milestones, on="user_id", how="left").sort("user_id")
    until = pl.coalesce("converted_at", pl.lit(end, dtype=TIME))
    days = joined.select((until - pl.col("begin")).dt.total_microseconds() / DAY_US).to_series().to_numpy()
    return FirstConversions(
        days=days.clip(min=0.0),
        observed=joined["converted_at"].is_not_null().to_numpy(),
        clipped=int((days < 0).sum()),
        without_sign_up=int((~joined["signed_up"]).sum()),
    )
