"""The metrics that matter: did they click, how soon did they convert, how varied was what they saw.

Owns `evaluate_production_metrics`: from a log (or a replay) to a report. Never writes, and never reports a number
without its definition, its size and its interval, or the reason why there is none.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, TypeGuard, cast

import numpy as np
import polars as pl

from coldframe.clock import Clock, system_clock
from coldframe.errors import InputError
from coldframe.feedback import measure
from coldframe.feedback.attribution import Attribution, attribute
from coldframe.feedback.conversion import (
    FirstConversions,
    begin_at_first_list,
    begin_at_sign_up,
    first_conversions,
    user_milestones,
)
from coldframe.feedback.log import Catalogue, HasStore, Log, Readable, Recommender, read_log, replay_log
from coldframe.feedback.measure import Lists
from coldframe.feedback.report import DEFAULT_CLICKS, DEPTH, TOP, Definitions, Metric, ProductionMetrics, metric

Grouping = Literal["bundle", "variant", "scenario"]


def evaluate_production_metrics(
    source: Readable | HasStore | Recommender,
    test_users: Mapping[str, Collection[str]] | None = None,
    items_catalog: Catalogue | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    by: Grouping | None = None,
    clicks: Sequence[str] = DEFAULT_CLICKS,
    conversions: Sequence[str] = ("purchase",),
    horizon_days: float = 30.0,
    seed: int = 0,
    clock: Clock = system_clock,
) -> ProductionMetrics:
    """Report CTR@3, time to first conversion, diversity, coverage and concentration, each with its definition.

    Two sources, one report. **A store** (or what `coldframe.open` returns): the lists delivered in start ≤ t < end and
    what came of them until `end` (default: the newest moment of the log that is not in the future); `by` adds the same
    per bundle, variant or scenario. **A model** with `recommend(user_id, n=…)`, as the seed article calls it: then
    `test_users` maps each user to the items chosen later and `items_catalog` is the catalogue; nobody saw those
    lists, so CTR@3 is a hit rate, says so, and time to first conversion is None.

    Intervals are 95 % and treat a user's lists as one unit. A metric without data has the value None and a note.
    Raises `InputError` for a model without test users or catalogue, and for a horizon that is not above 0.
    """
    terms = Definitions(clicks=tuple(clicks), conversions=tuple(conversions), horizon_days=horizon_days)
    if not horizon_days > 0:
        raise InputError(f"A horizon of {horizon_days} days has no mean.", remedy="Pass horizon_days above 0.")
    if _keeps_a_log(source):
        log = read_log(source, catalogue=items_catalog, start=start, end=end, clock=clock)
    elif test_users is None or items_catalog is None:
        raise InputError(
            "A model is evaluated on test users and a catalogue.",
            remedy="Pass test_users (user → items chosen later) and items_catalog, or a store instead of the model.",
        )
    else:
        log = replay_log(cast(Recommender, source), test_users, items_catalog, n=DEPTH)
    return production_metrics(log, terms, by=by, seed=seed)


def production_metrics(
    log: Log, terms: Definitions | None = None, *, by: Grouping | None = None, seed: int = 0
) -> ProductionMetrics:
    """Report on a log that is already in memory; see `evaluate_production_metrics`."""
    terms = terms or Definitions()
    clicked = attribute(log.delivered, log.events, terms.clicks)
    lists = _as_arrays(log, clicked)
    milestones = user_milestones(log.events, terms.conversions)
    waits = None
    if log.end is not None:
        begins = begin_at_sign_up(log.signed_up, milestones)
        waits = first_conversions(begins, milestones, start=log.start, end=log.end)
    measured = partial(_measured, log=log, terms=terms, seed=seed)
    overall = measured(lists, waits, terms.texts(replayed=log.replayed))
    groups = {name: measured(*part, terms.texts(grouped=True)) for name, part in _groups(log, lists, milestones, by)}
    counts = _counts(log, lists, clicked, waits)
    return ProductionMetrics(start=log.start, end=log.end, metrics=overall, by=by, groups=groups, counts=counts)


def _keeps_a_log(source: Readable | HasStore | Recommender) -> TypeGuard[Readable | HasStore]:
    return isinstance(source, Readable) or hasattr(source, "store")


def _as_arrays(log: Log, clicked: Attribution) -> Lists:
    first_pages = log.delivered.first_pages
    lists = first_pages.select("recommendation_id").with_row_index("list")
    items = _known_items(log).with_row_index("row")
    shown = log.delivered.slots.filter(pl.col("position") <= DEPTH).join(items, on="item_id")
    shown = shown.join(lists, on="recommendation_id")
    ranked = np.full((lists.height, DEPTH), -1, dtype=np.int32)
    ranked[shown["list"].to_numpy(), shown["position"].to_numpy() - 1] = shown["row"].to_numpy()
    top = clicked.outcomes.filter(pl.col("position") <= TOP)["recommendation_id"].unique()
    was_clicked = lists["recommendation_id"].is_in(top.implode()).to_numpy()
    actor = first_pages["actor_id"].rank("dense").cast(pl.Int64).to_numpy()
    return Lists(actor, ranked, was_clicked)


def _known_items(log: Log) -> pl.DataFrame:
    return pl.DataFrame({"item_id": log.item_ids.ids}, schema={"item_id": pl.String})


def _groups(
    log: Log, lists: Lists, milestones: pl.DataFrame, by: Grouping | None
) -> list[tuple[str, tuple[Lists, FirstConversions | None]]]:
    """Return each group's lists and the waits of the users whose first list is of that group."""
    if by is None or log.end is None:
        return []
    label = log.delivered.first_pages[by]
    waiting = begin_at_first_list(log.delivered.lists, milestones, by)
    parts: list[tuple[str, tuple[Lists, FirstConversions | None]]] = []
    for name in label.unique().sort():
        waits = first_conversions(waiting.filter(pl.col(by) == name), milestones, start=None, end=log.end)
        parts.append((str(name), (lists.where((label == name).to_numpy()), waits)))
    return parts


def _measured(
    lists: Lists, waits: FirstConversions | None, texts: Mapping[str, str], *, log: Log, terms: Definitions, seed: int
) -> dict[str, Metric]:
    readings = {
        "ctr_at_3": measure.click_rate(lists, seed=seed),
        **measure.waiting(waits, horizon_days=terms.horizon_days, replayed=log.replayed),
        **measure.variety(lists, log.categories, seed=seed),
        **measure.spread(lists, len(log.item_ids), log.categories, seed=seed),
    }
    units = terms.units()
    return {
        name: metric(name, one.estimate, unit=units[name], definition=texts[name], empty=one.empty, note=one.note)
        for name, one in readings.items()
    }


def _counts(log: Log, lists: Lists, clicked: Attribution, waits: FirstConversions | None) -> dict[str, int]:
    gone = log.delivered.slots.join(_known_items(log), on="item_id", how="anti")
    return {
        "lists": len(lists),
        "empty_lists": int((log.delivered.first_pages["items"].list.len() == 0).sum()),
        "actors": lists.n_actors,
        "catalogue_items": len(log.item_ids),
        "slots_not_in_catalogue": gone.height,
        "outcomes": clicked.outcomes.height,
        "repeated_outcomes": clicked.repeated,
        "outcomes_of_unknown_lists": clicked.unknown_list,
        "outcomes_not_on_their_list": clicked.not_on_list,
        "outcomes_before_their_list": clicked.too_early,
        "users_waiting_or_converted": len(waits.days) if waits else 0,
        "users_converted": int(waits.observed.sum()) if waits else 0,
        "users_converted_before_clock": waits.clipped if waits else 0,
        "users_without_sign_up": waits.without_sign_up if waits else 0,
    }
