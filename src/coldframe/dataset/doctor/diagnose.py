"""Measures what can be learned from events, items and users, and judges it.

Pure: frames in, one `Diagnosis` out. It reads no store, no clock, and changes nothing.
"""

import math
from datetime import datetime, timedelta

import polars as pl

from coldframe.dataset.doctor.catalogue_problems import CATALOGUE_CHECKS
from coldframe.dataset.doctor.event_problems import EVENT_CHECKS
from coldframe.dataset.doctor.facts import Facts
from coldframe.dataset.doctor.report import (
    Diagnosis,
    EventType,
    Problem,
    Repeats,
    TrainerView,
    Verdict,
    Volume,
    Window,
)
from coldframe.settings import Settings

WARM_EVENTS = 5
"""From this many events on, a user or an item is warm."""
MIN_WARM_USERS = 100
"""With fewer, a hit rate near 10 % is known to ± 6 points at best: no model can be shown to beat another."""
MIN_WARM_ITEMS = 20
"""With fewer, a list of ten is most of what there is to choose from."""
REPEAT_SHARE = 0.05
"""From this share of repeats on (one event in twenty), what was had before may be recommended again."""
BASE_HIT_RATE = 0.10
"""The hit rate for which `half_width` is stated."""
HISTORY_BUCKETS = ("0", "1", "2–5", "6–20", "> 20")
"""The slices by history that `coldframe evaluate` reports too."""


def diagnose(
    events: pl.DataFrame, items: pl.DataFrame, users: pl.DataFrame, settings: Settings, *, now: datetime
) -> Diagnosis:
    """Return what is learnable from events, items and users (columns of `events.schema`).

    `now` is only used to recognise events from the future. Time and memory grow linearly with the rows.
    """
    types = event_types(events, settings)
    seen = events.with_columns(
        actor=pl.coalesce("user_id", "session_id"),
        weight=pl.col("event_type").replace_strict(
            {kind.name: kind.weight for kind in types}, default=None, return_dtype=pl.Float64
        ),
    )
    inside = _window_events(seen, settings.window.days)
    volume = _volume(seen, items, users)
    trainer = _trainer(inside, volume, settings)
    return Diagnosis(
        volume=volume,
        window=_window(seen, inside, settings.window.days),
        users_by_history=_history(seen["actor"], users["user_id"]),
        items_by_history=_history(seen["item_id"], items["item_id"]),
        event_types=types,
        repeats=_repeats(seen, settings),
        trainer=trainer,
        problems=find_problems(Facts(seen, inside, items, users, settings, now)),
        verdict=_verdict(_volume(inside, items, users), trainer),
    )


def find_problems(facts: Facts) -> list[Problem]:
    """Return every problem found, the worst first."""
    if facts.seen.is_empty():
        return [Problem("no_events", "error", "There are no events.", "Run `coldframe import events FILE…`.")]
    rank = {"error": 0, "warning": 1, "note": 2}
    return sorted(
        (p for check in EVENT_CHECKS + CATALOGUE_CHECKS for p in check(facts)),
        key=lambda problem: rank[problem.severity],
    )


def event_types(events: pl.DataFrame, settings: Settings) -> list[EventType]:
    """Return every event type seen with its weight, the most frequent first."""
    rule = settings.events
    unknown = rule.default_weight if rule.unknown == "default" else None
    counted = events.group_by("event_type").len().sort(["len", "event_type"], descending=[True, False])
    return [
        EventType(name, n, n / events.height, rule.weights.get(name, unknown), name in rule.weights)
        for name, n in counted.iter_rows()
    ]


def repeat_share(seen: pl.DataFrame) -> float:
    """Return the share of events on a pair that the same actor already met on an earlier day (0 without events).

    A view and a purchase of one item on one day are one visit, not a repeat.
    """
    if seen.is_empty():
        return 0.0
    day = pl.col("timestamp").dt.date()
    return float(seen.select((day > day.min().over("actor", "item_id")).mean()).item())


def new_user_share(seen: pl.DataFrame) -> float | None:
    """Return the median over weeks of new users among active ones; the first week, all new, is left out.

    None with fewer than two weeks.
    """
    weeks = (
        seen.with_columns(week=pl.col("timestamp").dt.truncate("1w"))
        .with_columns(first=pl.col("week").min().over("actor"))
        .group_by("week")
        .agg(
            active=pl.col("actor").n_unique(), new=pl.col("actor").filter(pl.col("week") == pl.col("first")).n_unique()
        )
        .sort("week")[1:]
    )
    return None if weeks.is_empty() else float(weeks.select((pl.col("new") / pl.col("active")).median()).item())


def _window_events(seen: pl.DataFrame, days: int) -> pl.DataFrame:
    newest = seen["timestamp"].max()
    if not isinstance(newest, datetime):
        return seen
    return seen.filter(pl.col("timestamp") > newest - timedelta(days=days))


def _volume(seen: pl.DataFrame, items: pl.DataFrame, users: pl.DataFrame) -> Volume:
    n_users, touched = seen["actor"].n_unique(), seen["item_id"].unique()
    catalogue = items["item_id"]
    n_items = pl.concat([touched, catalogue]).n_unique()
    pairs = seen.select(pl.struct("actor", "item_id").n_unique()).item()
    return Volume(
        events=seen.height,
        users=n_users,
        items=n_items,
        pairs=pairs,
        density_percent=100 * pairs / (n_users * n_items) if n_users else 0.0,
        catalogue_items=items.height,
        items_without_events=int((~catalogue.is_in(touched.implode())).sum()),
        items_without_content=items.filter(~_has_content()).height,
        user_records=users.height,
        warm_users=_at_least(seen["actor"], WARM_EVENTS),
        warm_items=_at_least(seen["item_id"], WARM_EVENTS),
        new_user_share_per_week=new_user_share(seen),
    )


def _has_content() -> pl.Expr:
    words = [pl.col(name).fill_null("").str.len_chars() > 0 for name in ("title", "text")]
    lists = [pl.col(name).list.len().fill_null(0) > 0 for name in ("categories", "tags")]
    return pl.any_horizontal(*words, *lists)


def _at_least(ids: pl.Series, count: int) -> int:
    return int((ids.value_counts()["count"] >= count).sum())


def _window(seen: pl.DataFrame, inside: pl.DataFrame, days: int) -> Window:
    first, last = seen["timestamp"].min(), seen["timestamp"].max()
    newest = last if isinstance(last, datetime) else None
    return Window(
        first_event=first if isinstance(first, datetime) else None,
        last_event=newest,
        start=newest - timedelta(days=days) if newest else None,
        days=days,
        events=inside.height,
        users=inside["actor"].n_unique(),
        items=inside["item_id"].n_unique(),
        event_share=inside.height / seen.height if seen.height else 0.0,
    )


def _history(ids: pl.Series, known: pl.Series) -> dict[str, int]:
    """Count ids by how many events they have; those known but without one are in bucket 0."""
    counts = ids.value_counts()
    n = counts["count"]
    idle = known.filter(~known.is_in(counts[ids.name].implode())).n_unique()
    edges = ((1, 1), (2, 5), (6, 20), (21, 2**31))
    return dict(zip(HISTORY_BUCKETS, [idle, *(int(n.is_between(low, high).sum()) for low, high in edges)], strict=True))


def _repeats(seen: pl.DataFrame, settings: Settings) -> Repeats:
    share, asked = repeat_share(seen), settings.recommend.repeat
    if asked != "auto":
        return Repeats(share, asked, f"recommend.repeat = {asked}")
    policy = "allow" if share >= REPEAT_SHARE else "exclude"
    return Repeats(
        share, policy, f"recommend.repeat = auto, and repeats are {share:.1%} of events ({REPEAT_SHARE:.0%} allows)"
    )


def _trainer(inside: pl.DataFrame, volume: Volume, settings: Settings) -> TrainerView:
    weight = inside["weight"]
    positives = int((weight > 0).sum())
    rule = settings.negatives
    ratio = rule.large_ratio if volume.items >= rule.large_catalogue else rule.ratio
    return TrainerView(
        positives=positives,
        disliked=int((weight < 0).sum()),
        ignored=int((weight.is_null() | (weight == 0)).sum()),
        ratio=ratio,
        sampled_negatives=positives * ratio,
    )


def _verdict(inside: Volume, trainer: TrainerView) -> Verdict:
    """Judge what is inside the window: only that is learned from."""
    n = inside.warm_users
    half_width = 100 * 1.96 * math.sqrt(BASE_HIT_RATE * (1 - BASE_HIT_RATE) / n) if n else None
    if trainer.positives == 0:
        return Verdict(
            "none", "No event in the window says that anybody likes anything: there is nothing to learn.", None
        )
    if n < MIN_WARM_USERS:
        seen = f"only {n:,} users have {WARM_EVENTS} or more events in the window; below {MIN_WARM_USERS} no"
        return Verdict(
            "popular", f"Popularity is your best model today: {seen} model can be shown to beat it.", half_width
        )
    if inside.warm_items < MIN_WARM_ITEMS:
        seen = f"only {inside.warm_items:,} items have {WARM_EVENTS} or more events in the window"
        return Verdict(
            "popular", f"Popularity is your best model today: {seen}, too few to tell tastes apart.", half_width
        )
    learnable = f"{n:,} warm users and {inside.warm_items:,} warm items"
    if inside.catalogue_items == inside.items_without_content:
        return Verdict(
            "collaborative", f"{learnable} can be learned from; without item content new items stay unseen.", half_width
        )
    return Verdict("hybrid", f"{learnable}, and content for new items: the hybrid can be learned.", half_width)
