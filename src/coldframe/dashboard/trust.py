"""Whom the mixer trusts, by how much is known: a grid of bars, customers' history down, products' history across.

Owns the grid. The shares are the manifest's `warmth`, which a training measures on held-out visits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldframe.bundle.registry import Registry
from coldframe.dashboard.quality import label_of
from coldframe.dashboard.shares import Segment, segments_of
from coldframe.scoring.mixing.forms import NAMES


@dataclass(frozen=True)
class TrustCell:
    """The mean shares of the scores of `n` listed items."""

    n: int
    segments: Sequence[Segment]


@dataclass(frozen=True)
class Trust:
    """`rows` holds a label and a cell for each of `columns`; None where no list reached."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[TrustCell | None]]]
    legend: Sequence[Segment]


def bundle_trust(registry: Registry, bundle: str) -> Trust | None:
    """Return the grid of a bundle, or None when its training told nothing."""
    return trust_of(registry.manifest(bundle)["meta"].get("warmth", []))


def trust_of(warmth: Sequence[Mapping[str, Any]]) -> Trust | None:
    """Return the grid of rows {user, item, n, shares}, buckets from cold to warm; None for no rows.

    >>> trust_of([{"user": "0", "item": ">20", "n": 9, "shares": {"trending": 1.0}}]).rows[0][0]
    'customers with 0 events'
    """
    if not warmth:
        return None
    users, items = (sorted({str(row[side]) for row in warmth}, key=NAMES.index) for side in ("user", "item"))
    cells = {(row["user"], row["item"]): TrustCell(row["n"], segments_of(row["shares"])) for row in warmth}
    legend = {segment.tone: segment for cell in cells.values() for segment in cell.segments}
    return Trust(
        [label_of(f"item:{item}") for item in items],
        [(label_of(f"user:{user}"), [cells.get((user, item)) for item in items]) for user in users],
        [legend[tone] for tone in sorted(legend)],
    )
