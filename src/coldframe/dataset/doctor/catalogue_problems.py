"""What is wrong with the items and the users, by name, and what to do about it: one small check per problem."""

from collections.abc import Iterator

import polars as pl

from coldframe.dataset.doctor.facts import CROWD, Check, Facts, most_frequent
from coldframe.dataset.doctor.report import Problem


def no_catalogue(facts: Facts) -> Iterator[Problem]:
    """Events but no items: content has nothing to say."""
    if facts.items.is_empty():
        yield Problem(
            "no_catalogue",
            "warning",
            "There are no item records: content cannot help new items.",
            "Run `coldframe import items FILE…` with titles, categories or tags.",
        )


def events_without_item(facts: Facts) -> Iterator[Problem]:
    """Events that point at items the catalogue does not have."""
    missing = facts.seen.filter(~pl.col("item_id").is_in(facts.items["item_id"].implode()))
    if facts.items.height and missing.height:
        yield Problem(
            "events_without_item",
            "warning" if missing.height > 0.05 * facts.seen.height else "note",
            f"{missing['item_id'].n_unique():,} items with {missing.height:,} events are not in the catalogue.",
            "Import them, or check that both files write ids alike (leading zeros, case).",
        )


def nothing_available(facts: Facts) -> Iterator[Problem]:
    """A catalogue from which nothing may be shown."""
    if facts.items.height and not facts.items["available"].fill_null(value=True).any():
        yield Problem(
            "nothing_available",
            "error",
            "No item is available: every list would be empty.",
            "Import items with available = true.",
        )


def one_category(facts: Facts) -> Iterator[Problem]:
    """One category for all: it carries no information, and diversity cannot be measured."""
    names = facts.items["categories"].explode().drop_nulls()
    if facts.items.height >= CROWD and names.n_unique() == 1:
        yield Problem(
            "one_category",
            "warning",
            f"Every item with a category has the same one, {names[0]!r}: it tells nothing apart.",
            "Import a finer column as categories.",
        )


def constant_numerics(facts: Facts) -> Iterator[Problem]:
    """Numerics that never vary."""
    constant = [name for name, values in _numerics(facts.items) if len(values) >= CROWD and values.n_unique() == 1]
    if constant:
        yield Problem(
            "constant_numerics",
            "note",
            f"The same value in every item: {', '.join(constant)}.",
            "Leave these columns out.",
        )


def duplicate_titles(facts: Facts) -> Iterator[Problem]:
    """Several items under one title: variants, or one item under several ids."""
    titles = facts.items["title"].drop_nulls()
    repeated = titles.filter(titles.is_duplicated())
    if len(repeated) > 0.02 * facts.items.height:
        yield Problem(
            "duplicate_titles",
            "note",
            f"{len(repeated):,} items share their title with another, such as {most_frequent(repeated)}.",
            "If they are one product under several ids, merge the ids before importing.",
        )


def known_too_late(facts: Facts) -> Iterator[Problem]:
    """Items or users whose recorded start is later than their first event."""
    sides = (("item", facts.items, "created_at", "item_id"), ("user", facts.users, "signed_up_at", "actor"))
    for noun, records, start, key in sides:
        firsts = facts.seen.group_by(key).agg(first=pl.col("timestamp").min())
        joined = records.select(f"{noun}_id", start).join(firsts, left_on=f"{noun}_id", right_on=key)
        late = joined.filter(pl.col(start) > pl.col("first")).height
        if late > 0.02 * joined.height:
            yield Problem(
                f"{noun}s_start_after_first_event",
                "warning",
                f"{late:,} {noun}s have a {start} later than their first event.",
                f"Import the true {start}, or none: the first event then stands in.",
            )


CATALOGUE_CHECKS: tuple[Check, ...] = (
    no_catalogue,
    events_without_item,
    nothing_available,
    one_category,
    constant_numerics,
    duplicate_titles,
    known_too_late,
)
"""In the order their problems are told among equals."""


def _numerics(items: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Yield each numeric by name with the values that are known; `numeric` is a struct column."""
    if isinstance(items.schema.get("numeric"), pl.Struct):
        for column in items["numeric"].struct.unnest().iter_columns():
            yield column.name, column.drop_nulls()
