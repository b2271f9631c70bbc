"""Which outcome belongs to which delivered list.

Owns the join by `recommendation_id` and its rules. Never weighs an outcome and never guesses: an event without the id
of a list belongs to none.

An event is an outcome of a list when it names the list, its item is on the list, and it did not happen before the list
was delivered. Repeats collapse: one outcome per (list, item), the earliest. The position is the one the list says; what
the event claims is not believed. An item that a list repeats stands at its first position.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import polars as pl

from coldframe.domain import Impression
from coldframe.events.schema import TIME

LIST_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "recommendation_id": pl.String,
    "user_id": pl.String,
    "actor_id": pl.String,
    "delivered_at": TIME,
    "bundle": pl.String,
    "variant": pl.String,
    "scenario": pl.String,
    "offset": pl.Int32,
    "items": pl.List(pl.String),
}


@dataclass(frozen=True)
class Delivered:
    """Delivered lists, one row each in order of time, and their slots.

    `lists` has the columns of `LIST_COLUMNS`; `actor_id` is the user, else the session, else the list itself.
    `slots` has recommendation_id, item_id and position (from 1), one row per distinct item of a list. The pages of a
    list have a row each; `offset` items stood before a page, and positions go on from page to page.
    """

    lists: pl.DataFrame
    slots: pl.DataFrame

    def __len__(self) -> int:
        return self.lists.height

    @property
    def first_pages(self) -> pl.DataFrame:
        """`lists` without the pages after the first, which are no lists of their own."""
        return self.lists.filter(pl.col("offset") == 0)


@dataclass(frozen=True)
class Attribution:
    """What came of the delivered lists.

    `outcomes` has recommendation_id, item_id, position and happened_at (the first time), one row per (list, item).
    The counts say what became of each event that named a list: `attributed` (of which `repeated` said nothing new),
    `unknown_list` (not among the lists given), `not_on_list`, or `too_early` (before the list was delivered).
    """

    outcomes: pl.DataFrame
    attributed: int
    repeated: int
    unknown_list: int
    not_on_list: int
    too_early: int


def delivered(impressions: Iterable[Impression]) -> Delivered:
    """Return impressions as frames; of two with one `recommendation_id` the earlier counts.

    >>> from datetime import UTC, datetime
    >>> one = Impression(recommendation_id="r", timestamp=datetime(2026, 1, 1, tzinfo=UTC), items=("b", "a"),
    ...     scores=(2.0, 1.0), propensities=(1.0, 1.0), mixer_weights=({}, {}), bundle="b1", level="hybrid")
    >>> delivered([one]).slots.rows()
    [('r', 'b', 1), ('r', 'a', 2)]
    """
    rows = [_row(impression) for impression in impressions]
    lists = pl.DataFrame(rows, schema=LIST_COLUMNS, orient="row")
    lists = lists.sort("delivered_at", maintain_order=True).unique(
        "recommendation_id", keep="first", maintain_order=True
    )
    slots = (
        lists.select("recommendation_id", "offset", item_id="items")
        .filter(pl.col("item_id").list.len() > 0)
        .with_columns(position=pl.int_ranges(1, pl.col("item_id").list.len() + 1, dtype=pl.Int32))
        .explode("item_id", "position")
        .unique(["recommendation_id", "item_id"], keep="first", maintain_order=True)
        .select("recommendation_id", "item_id", position=pl.col("position") + pl.col("offset"))
    )
    return Delivered(lists, slots)


def attribute(given: Delivered, events: pl.LazyFrame, types: Collection[str]) -> Attribution:
    """Return which of the events, of the given types, belong to which delivered list.

    `events` has the columns of `events.schema.EVENT_COLUMNS`.
    """
    named = (
        events.filter(pl.col("recommendation_id").is_not_null() & pl.col("event_type").is_in(sorted(types)))
        .select("recommendation_id", "item_id", "timestamp")
        .collect()
    )
    known = named.join(given.lists.select("recommendation_id", "delivered_at"), on="recommendation_id")
    shown = known.join(given.slots, on=["recommendation_id", "item_id"])
    timely = shown.filter(pl.col("timestamp") >= pl.col("delivered_at"))
    outcomes = timely.group_by("recommendation_id", "item_id", "position").agg(happened_at=pl.col("timestamp").min())
    return Attribution(
        outcomes=outcomes.sort("happened_at", "recommendation_id", "position"),
        attributed=timely.height,
        repeated=timely.height - outcomes.height,
        unknown_list=named.height - known.height,
        not_on_list=known.height - shown.height,
        too_early=shown.height - timely.height,
    )


def _row(impression: Impression) -> tuple[object, ...]:
    return (
        impression.recommendation_id,
        impression.user_id,
        impression.user_id or impression.session_id or impression.recommendation_id,
        impression.timestamp,
        impression.bundle,
        impression.variant,
        impression.scenario,
        impression.offset,
        list(impression.items),
    )
