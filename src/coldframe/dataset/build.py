"""Events, items and users → a `TrainingSet`.

Owns the window, the vocabularies and the order of the events; what an event is worth and what an item is like are
told by `weights` and `features`. Never reads a store, a clock or a random number: the same rows in any order give the
same arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from coldframe.dataset.features import fit_item_features, fit_user_features
from coldframe.dataset.training_set import DAY_US, Bags, Interactions, Rows, TrainingSet, Vocabulary, micros
from coldframe.dataset.weights import decay, event_weights
from coldframe.domain import Item, User
from coldframe.errors import ColumnError, DataError, InputError
from coldframe.settings import Settings

NEEDED = ("event_id", "user_id", "session_id", "item_id", "event_type", "timestamp")
"""The columns of the event log that a training set is made of."""
ORDER = ("time", "event_id", "actor", "item", "event_type")
"""What events are ordered by."""


@dataclass(frozen=True)
class Window:
    """start ≤ time < end, in µs since 1970; no start: everything before the end."""

    start: int | None
    end: int

    @property
    def past(self) -> pl.Expr:
        """Which rows are before the end."""
        return pl.col("time") < self.end

    @property
    def inside(self) -> pl.Expr:
        """Which rows are in the window."""
        return self.past if self.start is None else self.past & (pl.col("time") >= self.start)

    @property
    def before(self) -> pl.Expr:
        """Which rows are older than the window."""
        return pl.lit(False) if self.start is None else pl.col("time") < self.start


def build_training_set(
    events: pl.DataFrame | pl.LazyFrame,
    items: Sequence[Item],
    users: Sequence[User],
    settings: Settings,
    *,
    as_of: datetime | None = None,
    window_days: int | None = None,
) -> TrainingSet:
    """Return the arrays of the events of the last `window_days` before `as_of` (None: all of them before `as_of`).

    `events` has the columns of `events.schema.EVENT_COLUMNS`; `as_of` defaults to just after the newest event. Rows of
    items are in order of id: the catalogue, unavailable items too (serving masks them), and whatever has an event in
    the window; rows of users likewise. A session stands in for a visitor without a `user_id`. Interactions are in order
    of (time, event_id); an event worth 0 is none. Of two items or users with one id the last counts.

    Raises `ColumnError` when a column is missing, `InputError` when an argument is unusable, `DataError` when there is
    nothing to learn from.
    """
    log = _log(events)
    window = _window(log, as_of, window_days)
    inside = _in_order(log.filter(window.inside).collect())
    if inside.is_empty():
        raise DataError(f"No event is in the window{_stretch(window)}.", remedy=_REMEDY)
    catalogue = {item.item_id: item for item in items}
    people = {user.user_id: user for user in users}
    item_ids, user_ids = _vocabulary(inside["item"], catalogue), _vocabulary(inside["actor"], people)
    interactions = _interactions(inside, user_ids, item_ids, settings, window)
    if not (interactions.weight > 0).any():
        kinds = ", ".join(inside["event_type"].unique().sort()[:5])
        raise DataError(
            f"None of the {inside.height:,} events in the window says that anybody likes anything ({kinds}).",
            remedy="Give an event type a weight above 0 in events.weights.",
        )
    before = log.filter(window.before, _has_row("actor", user_ids), _has_row("item", item_ids)).collect()
    nothing, nobody = Item(item_id="unknown"), User(user_id="unknown")
    return TrainingSet(
        users=user_ids,
        items=item_ids,
        interactions=interactions,
        item_features=fit_item_features(
            [catalogue.get(each, nothing) for each in item_ids.ids],
            text_buckets=settings.content.text_buckets,
        ),
        user_features=fit_user_features([people.get(each, nobody) for each in user_ids.ids]),
        as_of=window.end,
        seen=_seen(log.filter(window.past), user_ids, item_ids),
        earlier=_interactions(_in_order(before), user_ids, item_ids, settings, window),
    )


_REMEDY = "`coldframe doctor` shows what the log holds; widen window.days or import events."


def _log(events: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """Return event_id, actor, item, event_type and time (µs) of every event."""
    lazy = events.lazy()
    missing = [name for name in NEEDED if name not in lazy.collect_schema().names()]
    if missing:
        raise ColumnError(f"The events have no column {missing[0]!r}.", remedy=f"They need {', '.join(NEEDED)}.")
    return lazy.select(
        "event_id",
        pl.coalesce("user_id", "session_id").alias("actor"),
        pl.col("item_id").alias("item"),
        "event_type",
        pl.col("timestamp").dt.epoch("us").alias("time"),
    )


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    """Return events in `ORDER`, of which most tell themselves apart by their times."""
    tied = (pl.col("time") == pl.col("time").shift(1)) | (pl.col("time") == pl.col("time").shift(-1))
    found = events.sort("time").with_columns(tied.fill_null(value=False).alias("tied"))
    if not found["tied"].any():
        return found.drop("tied")
    parts = [found.filter(~pl.col("tied")), found.filter("tied").sort(*ORDER)]
    return pl.concat(parts).drop("tied").sort("time", maintain_order=True)


def _window(log: pl.LazyFrame, as_of: datetime | None, days: int | None) -> Window:
    if days is not None and days < 1:
        raise InputError(f"A window of {days} days holds nothing.", remedy="Ask for at least one day.")
    nulls, newest = log.select(pl.sum_horizontal(pl.all().is_null().sum()), pl.max("time").alias("newest")).collect()
    if nulls.item():
        raise DataError("Events lack an id, a user or session, an item, a type or a time.", remedy=_REPAIR)
    if newest.item() is None:
        raise DataError("There are no events.", remedy="Run `coldframe import events FILE…`.")
    end = int(newest.item()) + 1 if as_of is None else micros(as_of)
    return Window(None if days is None else end - days * DAY_US, end)


_REPAIR = "Read the file through `coldframe import`, which refuses such rows and keeps them with the reason."


def _stretch(window: Window) -> str:
    """Return the window in words."""
    end = np.datetime64(window.end, "us")
    return f" before {end}" if window.start is None else f" from {np.datetime64(window.start, 'us')} to {end}"


def _vocabulary(seen: pl.Series, known: dict[str, Item] | dict[str, User]) -> Vocabulary:
    ids = pl.concat([seen.unique(), pl.Series(list(known), dtype=pl.String)]).unique().sort()
    return Vocabulary(tuple(ids.to_list()))


def _has_row(column: str, vocabulary: Vocabulary) -> pl.Expr:
    return pl.col(column).is_in(pl.Series(vocabulary.ids, dtype=pl.String).implode())


def _rows(ids: pl.Series, vocabulary: Vocabulary) -> Rows:
    """Return the row of each id; every id must be known."""
    return ids.cast(pl.Enum(vocabulary.ids)).to_physical().cast(pl.Int32).to_numpy()


def _interactions(
    events: pl.DataFrame, users: Vocabulary, items: Vocabulary, settings: Settings, window: Window
) -> Interactions:
    time = events["time"].to_numpy()
    weight = event_weights(events, settings) * decay(events, time, settings, as_of=window.end)
    found = Interactions(_rows(events["actor"], users), _rows(events["item"], items), weight, time)
    return found.where(weight != 0)


def _seen(past: pl.LazyFrame, users: Vocabulary, items: Vocabulary) -> Bags:
    """Return the distinct items that each user ever met, as far as both have a row."""
    pairs = past.select(
        user=pl.col("actor").cast(pl.Enum(users.ids), strict=False).to_physical(),
        item=pl.col("item").cast(pl.Enum(items.ids), strict=False).to_physical(),
    )
    known = pairs.drop_nulls().collect()
    rows, features = known["user"].to_numpy(), known["item"].to_numpy()
    return Bags.of(rows, features, n_rows=len(users), n_features=len(items))
