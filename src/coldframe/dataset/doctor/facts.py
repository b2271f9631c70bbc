"""What every check of the doctor sees, and how ids are named in its sentences.

Owns no check itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from coldframe.dataset.doctor.report import Problem
from coldframe.settings import Settings

CROWD = 10
"""Checks on shares need at least this many users, items or events to mean something."""
SHOWN = 3
"""Ids named per problem."""


@dataclass(frozen=True)
class Facts:
    """What every check sees. `seen` has the event columns plus `actor` and `weight`; `inside` is its window."""

    seen: pl.DataFrame
    inside: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    settings: Settings
    now: datetime


Check = Callable[[Facts], Iterator[Problem]]
"""Yields nothing when all is well."""


def named(ids: pl.Series) -> str:
    """Return the first ids in quotes, and how many more there are.

    >>> named(pl.Series(["a", "b", "c", "d"]))
    "'a', 'b', 'c' and 1 more"
    """
    more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
    return ", ".join(map(repr, ids[:SHOWN])) + more


def most_frequent(values: pl.Series) -> str:
    """Return the most frequent values as `named` does; among equals the alphabet decides.

    >>> most_frequent(pl.Series("kind", ["x", "y", "y"]))
    "'y', 'x'"
    """
    counts = values.value_counts().sort(["count", values.name], descending=[True, False])
    return named(counts[values.name])
