"""How good the live bundle is, as a table: one row a slice by warmth, one column a model.

Owns the table's shape and what a slice is called. Never measures anything: numbers come from the bundle's manifest
(`SLICE/MODEL/METRIC`), or from whoever made the page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coldframe.bundle.registry import BundleInfo, Registry

METRIC = "ndcg@10"
"""The metric the page shows: how near the top the products of the next order are, 0 … 1."""

_PLACES = {"user": "customers with", "item": "products with"}
_NAMES = {
    "overall": "everybody",
    "all": "everybody",
    "discovery": "products new to the customer",
    "check": "held-out visits",
}


@dataclass(frozen=True)
class QualityRow:
    """One slice: its name, how many requests (None: not told), and a value for each model (None: not measured)."""

    label: str
    requests: int | None
    values: Sequence[float | None]

    @property
    def best(self) -> float | None:
        """The highest value; None where all are the same."""
        known = {value for value in self.values if value is not None}
        return max(known) if len(known) > 1 else None


@dataclass(frozen=True)
class Quality:
    """A table of one metric, and a sentence that says what was measured."""

    about: str
    models: Sequence[str]
    rows: Sequence[QualityRow]


FindQuality = Callable[[Registry, str | None], Quality | None]
"""(registry, live bundle) → the table to show, None for none."""


def bundle_quality(registry: Registry, bundle: str | None) -> Quality | None:
    """Return what the live bundle's manifest says of itself, or None when there is no bundle or it says nothing."""
    found = next((info for info in registry.list() if info.bundle == bundle), None)
    return None if found is None else _from_manifest(found)


def quality_of(
    cells: Mapping[tuple[str, str], float], *, about: str, requests: Mapping[str, int] | None = None
) -> Quality | None:
    """Return the table of values by (slice, model), in the order given; None for no value.

    >>> quality_of({("user:0", "hybrid"): 0.2, ("user:0", "popular"): 0.1}, about="").rows[0].label
    'customers with 0 events'
    """
    slices, models = (list(dict.fromkeys(key[place] for key in cells)) for place in (0, 1))
    rows = [
        QualityRow(label_of(name), (requests or {}).get(name), [cells.get((name, model)) for model in models])
        for name in slices
    ]
    return Quality(about, models, rows) if rows else None


def label_of(name: str) -> str:
    """Return a slice's name as a person says it.

    >>> label_of("overall"), label_of("user:1"), label_of("item:>20"), label_of("user:2-5"), label_of("weekend")
    ('everybody', 'customers with 1 event', 'products with >20 events', 'customers with 2-5 events', 'weekend')
    """
    what, _, count = name.partition(":")
    if what not in _PLACES or not count:
        return _NAMES.get(name, name)
    return f"{_PLACES[what]} {count} event{'' if count == '1' else 's'}"


def _from_manifest(info: BundleInfo) -> Quality | None:
    named = ((name.split("/"), value) for name, value in info.metrics.items())
    cells = {(parts[0], parts[1]): value for parts, value in named if len(parts) == 3 and parts[2] == METRIC}
    about = f"{METRIC} of bundle {info.bundle} ({info.created_at:%Y-%m-%d %H:%M} UTC), as its training measured it"
    return quality_of(cells, about=about)
