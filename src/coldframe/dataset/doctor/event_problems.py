"""What is wrong with the events, by name, and what to do about it: one small check per problem."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from coldframe.dataset.doctor.facts import CROWD, Check, Facts, most_frequent, named
from coldframe.dataset.doctor.report import Problem


def equal_timestamps(facts: Facts) -> Iterator[Problem]:
    """Every event at one moment: no window, no order, no recency."""
    if facts.seen.height > 1 and facts.seen["timestamp"].n_unique() == 1:
        yield Problem(
            "equal_timestamps",
            "error",
            f"All {facts.seen.height:,} events have the same timestamp; window, recency and time splits mean nothing.",
            "Import again with --columns timestamp=NAME of the column that holds the time.",
        )


def future_timestamps(facts: Facts) -> Iterator[Problem]:
    """Events later than now drag the window with them, since it ends at the newest event."""
    late = facts.seen.filter(pl.col("timestamp") > facts.now).height
    if late:
        yield Problem(
            "future_timestamps",
            "error",
            f"{late:,} events lie in the future, the newest at {facts.seen['timestamp'].max():%Y-%m-%d %H:%M}.",
            "Check the time zone and unit (seconds or milliseconds) of the source; until then train with --as-of.",
        )


def no_time_of_day(facts: Facts) -> Iterator[Problem]:
    """Dates without times: the order of events inside a day is unknown."""
    days = facts.seen["timestamp"].dt.date()
    if days.n_unique() > 1 and (facts.seen["timestamp"].dt.time() == datetime.min.time()).all():
        yield Problem(
            "no_time_of_day",
            "note",
            "Every event is at midnight: what came first within a day is unknown.",
            "Import the full time if the source has it; nothing else breaks.",
        )


def one_event_type(facts: Facts) -> Iterator[Problem]:
    """One kind of event: weights cannot tell anything apart."""
    kinds = facts.seen["event_type"].unique()
    if len(kinds) == 1:
        yield Problem(
            "one_event_type",
            "note",
            f"Every event is a {kinds[0]!r}: event weights have nothing to tell apart.",
            "Import views and clicks as well if they are recorded; a purchase alone says little about interest.",
        )


def unknown_event_types(facts: Facts) -> Iterator[Problem]:
    """Event types without a weight of their own."""
    unknown = facts.seen.filter(~pl.col("event_type").is_in(list(facts.settings.events.weights)))["event_type"]
    if len(unknown):
        rule = facts.settings.events
        fate = f"count {rule.default_weight}" if rule.unknown == "default" else "are left out"
        yield Problem(
            "unknown_event_types",
            "warning",
            f"{len(unknown):,} events of types without a weight {fate}: {most_frequent(unknown)}.",
            "Give each a weight in events.weights.",
        )


def nothing_positive(facts: Facts) -> Iterator[Problem]:
    """No event in the window says that anybody likes anything."""
    if not (facts.inside["weight"] > 0).any():
        yield Problem(
            "nothing_positive",
            "error",
            "No event in the window has a weight above zero.",
            "Set events.weights for the types you have, or lengthen window.days.",
        )


def no_conversions(facts: Facts) -> Iterator[Problem]:
    """The event that the business counts as success never happens."""
    conversions = facts.settings.events.conversions
    if not facts.seen["event_type"].is_in(conversions).any():
        yield Problem(
            "no_conversions",
            "warning",
            f"No event is a conversion ({', '.join(conversions)}): time to first conversion cannot be measured.",
            "Name the event types that mean success in events.conversions.",
        )


def mostly_outside_window(facts: Facts) -> Iterator[Problem]:
    """The window sees a small part of the log."""
    share = facts.inside.height / facts.seen.height
    if share < 0.1:
        yield Problem(
            "mostly_outside_window",
            "note",
            f"The last {facts.settings.window.days} days hold {share:.1%} of the events.",
            "Compare a longer window with `coldframe evaluate --window DAYS`.",
        )


def heavy_users(facts: Facts) -> Iterator[Problem]:
    """One user behind more than a tenth of all events: a bot, a till, or a default id."""
    counts = facts.seen["actor"].value_counts(sort=True)
    heavy = counts.filter(pl.col("count") > 0.1 * facts.seen.height)
    if counts.height >= 2 * CROWD and heavy.height:
        yield Problem(
            "heavy_users",
            "warning",
            f"{named(heavy['actor'])} alone made {heavy['count'].sum() / facts.seen.height:.0%} of all events.",
            "A bot, a till or a default id? Leave its events out and import again.",
        )


def item_for_everybody(facts: Facts) -> Iterator[Problem]:
    """An item that nine of ten users met: a bag, a postage fee, a home page."""
    n_users = facts.seen["actor"].n_unique()
    reach = (
        facts.seen.group_by("item_id")
        .agg(pl.col("actor").n_unique())
        .sort(["actor", "item_id"], descending=[True, False])
    )
    common = reach.filter(pl.col("actor") >= 0.9 * n_users)
    if n_users >= CROWD and reach.height >= CROWD and common.height:
        yield Problem(
            "item_for_everybody",
            "warning",
            f"{named(common['item_id'])}: nine of ten users or more met it; it says nothing about taste.",
            "If it is a fee, a bag or a landing page, leave it out or set available = false.",
        )


def one_visit_users(facts: Facts) -> Iterator[Problem]:
    """Most users come once: nothing to fold in."""
    counts = facts.seen["actor"].value_counts()["count"]
    share = float((counts == 1).sum()) / len(counts)
    if len(counts) >= CROWD and share > 0.8:
        yield Problem(
            "one_visit_users",
            "warning",
            f"{share:.0%} of users have a single event: hardly anybody can be recognised.",
            "Check that user_id stays the same between visits; a session id changes each time.",
        )


def exact_copies(facts: Facts) -> Iterator[Problem]:
    """The same event several times at the same microsecond."""
    same = ["actor", "item_id", "event_type", "timestamp"]
    copies = facts.seen.height - facts.seen.select(pl.struct(same).n_unique()).item()
    if copies > 0.01 * facts.seen.height and facts.seen["timestamp"].n_unique() > 1:
        yield Problem(
            "exact_copies",
            "note",
            f"{copies:,} events ({copies / facts.seen.height:.1%}) equal another in user, item, type and time.",
            "Normal for quantities written as rows; if a tracker sent them twice, give each event an event_id.",
        )


EVENT_CHECKS: tuple[Check, ...] = (
    equal_timestamps,
    future_timestamps,
    no_time_of_day,
    one_event_type,
    unknown_event_types,
    nothing_positive,
    no_conversions,
    mostly_outside_window,
    heavy_users,
    item_for_everybody,
    one_visit_users,
    exact_copies,
)
"""In the order their problems are told among equals."""
