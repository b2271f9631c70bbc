"""The live bundle's offline metrics as a table: one row a model, one column a slice of users by warmth.

Owns the reading of metric names, `SLICE/MODEL/METRIC` as the manifest holds them. Never measures anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldframe.bundle.registry import BundleInfo, Registry

METRIC = "ndcg@10"
"""The metric the page shows: how near the top the products of the next order are, 0 … 1."""


@dataclass(frozen=True)
class Quality:
    """A table of one metric; `rows` are (model, one value or None per slice), `best` the highest of each slice."""

    bundle: str
    created: str
    metric: str
    slices: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    best: Sequence[float | None]


def quality_of(registry: Registry, bundle: str | None) -> Quality | None:
    """Return the table of the live bundle, or None when there is no bundle."""
    found = next((info for info in registry.list() if info.bundle == bundle), None)
    return None if found is None else quality_table(found)


def quality_table(info: BundleInfo) -> Quality:
    """Return the table that a bundle's metrics amount to; without any, one without rows."""
    cells = _cells(info.metrics)
    slices = list(dict.fromkeys(name for name, _ in cells))
    models = list(dict.fromkeys(model for _, model in cells))
    columns = [[cells.get((name, model)) for model in models] for name in slices]
    return Quality(
        bundle=info.bundle,
        created=f"{info.created_at:%Y-%m-%d %H:%M} UTC",
        metric=METRIC,
        slices=slices,
        rows=[(model, [column[i] for column in columns]) for i, model in enumerate(models)],
        best=[max((value for value in column if value is not None), default=None) for column in columns],
    )


def _cells(metrics: Mapping[str, float]) -> dict[tuple[str, str], float]:
    split = ((name.split("/"), value) for name, value in metrics.items())
    return {(parts[0], parts[1]): value for parts, value in split if len(parts) == 3 and parts[2] == METRIC}
