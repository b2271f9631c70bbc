"""What the items of a catalogue are, by column over a bundle's rows, so that a condition is looked up and not walked.

Owns the columns, which rows meet a condition, and keeping both until the catalogue changes. Nothing is read before the
first condition is asked for. Never parses a text (`expressions`) and never decides what is shown.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import NEVER, Bags, Bools, Rows, Vocabulary, micros
from coldframe.domain import Item
from coldframe.serving.changes import Groups, Kept, whole
from coldframe.serving.expressions import Among, Compare, Condition, Every, Not, Some, parse
from coldframe.store.protocol import CatalogueChanges, Store

KEPT_BYTES = 64 * 1024 * 1024
"""Most memory of the masks that are kept: those used longest ago go first."""
_NO_ROWS: Rows = np.empty(0, np.int32)
_COMPARED = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal}


@dataclass(frozen=True)
class Columns:
    """The catalogue at one version: `texts` are the rows of each category and tag, `times` int64 µs and `numbers`
    float64, both [n_items] with NEVER and NaN where an item has none.
    """

    version: int
    items: Vocabulary
    texts: Mapping[str, Groups]
    times: Mapping[str, NDArray[np.int64]]
    numbers: Mapping[str, NDArray[np.float64]]
    _masks: OrderedDict[str, Bools] = field(default_factory=OrderedDict[str, Bools])
    _groups: dict[str, Bags] = field(default_factory=dict[str, Bags])
    _lock: Lock = field(default_factory=Lock)

    @staticmethod
    def empty(items: Vocabulary) -> "Columns":
        """Return the columns of a catalogue without an item.

        >>> items = [Item(item_id="a", numeric={"price": 3.0}), Item(item_id="b", categories=("mugs",))]
        >>> columns = Columns.empty(Vocabulary(("a", "b"))).after(CatalogueChanges(1, items, []))
        >>> columns.meeting('price < 5 or category = "mugs"').tolist()
        [True, True]
        """
        times = {name: np.full(len(items), NEVER, np.int64) for name in ("created_at", "expires_at")}
        texts = {name: Groups.empty(len(items)) for name in ("category", "tag")}
        return Columns(0, items, texts, times, {})

    def after(self, changes: CatalogueChanges) -> "Columns":
        """Return the columns at a later version."""
        times = {name: column.copy() for name, column in self.times.items()}
        numbers = {name: column.copy() for name, column in self.numbers.items()}
        values = {name: dict[int, tuple[str, ...]]() for name in self.texts}
        gone = self.items.rows(changes.removed)
        for row in gone[gone >= 0].tolist():
            values["category"][row] = values["tag"][row] = ()
            _blank(row, times, numbers)
        for item in changes.items:
            row = self.items.row_of.get(item.item_id)
            if row is None:
                continue
            values["category"][row], values["tag"][row] = item.categories, item.tags
            _blank(row, times, numbers)
            times["created_at"][row], times["expires_at"][row] = micros(item.created_at), micros(item.expires_at)
            for name, number in item.numeric.items():
                if name not in numbers:
                    numbers[name] = np.full(len(self.items), np.nan)
                numbers[name][row] = number
        texts = {name: of.after([*values[name]], [*values[name].values()]) for name, of in self.texts.items()}
        return Columns(changes.version, self.items, texts, times, numbers)

    def extended(self, n_known: int, items: Vocabulary, newcomers: Sequence[Item], version: int) -> "Columns":
        """Return the columns of the first `n_known` rows, and behind them of newcomers, as they were at a version."""
        more = len(items) - n_known
        kept = Columns(
            self.version,
            items,
            {name: of.resized(n_known, len(items)) for name, of in self.texts.items()},
            {name: np.append(column[:n_known], np.full(more, NEVER)) for name, column in self.times.items()},
            {name: np.append(column[:n_known], np.full(more, np.nan)) for name, column in self.numbers.items()},
        )
        return kept.after(CatalogueChanges(min(self.version, version), newcomers, []))

    def meeting(self, text: str) -> Bools:
        """Return the rows that meet a condition, bool [n_items], not to be written to. Raises `InputError`."""
        with self._lock:
            mask = self._masks.pop(text, None)
            if mask is None:
                mask = self._of(parse(text))
                mask.flags.writeable = False
            self._masks[text] = mask
            while len(self._masks) > max(1, KEPT_BYTES // max(1, len(self.items))):
                self._masks.popitem(last=False)
        return mask

    def groups(self, name: str) -> Bags:
        """Return which items share a value of category, tag or a numeric: each item's groups."""
        with self._lock:
            if name not in self._groups:
                self._groups[name] = self._grouped(name)
            return self._groups[name]

    def _grouped(self, name: str) -> Bags:
        size = len(self.items)
        if name in self.texts:
            return self.texts[name].of_row
        if name not in self.numbers:
            return Bags.empty(size)
        known = np.flatnonzero(~np.isnan(self.numbers[name]))
        values, group = np.unique(self.numbers[name][known], return_inverse=True)
        return Bags.of(known, group, n_rows=size, n_features=len(values))

    def _of(self, condition: Condition) -> Bools:
        match condition:
            case Not(inner):
                return ~self._of(inner)
            case Every(parts):
                return reduce(np.logical_and, (self._of(part) for part in parts))
            case Some(parts):
                return reduce(np.logical_or, (self._of(part) for part in parts))
            case Among("text", name, values):
                return self._having(name, values)
            case Among(kind, name, values):
                return reduce(np.logical_or, (self._of(Compare(kind, name, "=", value)) for value in values))
            case Compare("text", name, _, value):
                return self._having(name, (value,))
            case Compare(kind, name, order, value):
                column = self.times[name] if kind == "time" else self.numbers.get(name)
                if column is None:
                    return np.zeros(len(self.items), np.bool_)
                met = _COMPARED[order](column, value)
                return met & (column != NEVER) if kind == "time" else met

    def _having(self, name: str, values: Iterable[float | str]) -> Bools:
        mask = np.zeros(len(self.items), np.bool_)
        for value in map(str, values):
            mask[self._rows(name, value)] = True
        return mask

    def _rows(self, name: str, value: str) -> Rows:
        if name != "item_id":
            return self.texts[name].rows(value)
        row = self.items.row_of.get(value)
        return _NO_ROWS if row is None else np.array([row], np.int32)


class Attributes:
    """A store's items over one bundle's rows, read when the first condition comes. Safe from several threads.

    `columns` are those of the same rows that were read before, None where nobody asked yet.
    """

    def __init__(self, store: Store, vocabulary: Vocabulary, columns: Columns | None = None) -> None:
        self._store, self._vocabulary, self._lock = store, vocabulary, Lock()
        self._kept = None if columns is None else Kept(store, columns)

    def current(self) -> Columns:
        """Return the columns as the store has them now."""
        with self._lock:
            if self._kept is None:
                self._kept = Kept(self._store, Columns.empty(self._vocabulary).after(whole(self._store)))
        return self._kept.current()

    def extended(self, n_known: int, items: Vocabulary, newcomers: Sequence[Item], version: int) -> "Attributes":
        """Return the same over the first `n_known` rows without reading those again, and behind them over newcomers, as
        they were at a version of the catalogue.
        """
        with self._lock:
            columns = self._kept.current().extended(n_known, items, newcomers, version) if self._kept else None
        return Attributes(self._store, items, columns)


def _blank(row: int, times: Mapping[str, NDArray[np.int64]], numbers: Mapping[str, NDArray[np.float64]]) -> None:
    for column in times.values():
        column[row] = NEVER
    for column in numbers.values():
        column[row] = np.nan


@lru_cache(maxsize=1_024)
def numerics_of(text: str) -> frozenset[str]:
    """Return the names of the numerics that a condition looks at.

    >>> sorted(numerics_of("price < 3 and not stock in (1, 2)"))
    ['price', 'stock']
    """
    return frozenset(_numerics(parse(text)))


def _numerics(condition: Condition) -> set[str]:
    match condition:
        case Not(inner):
            return _numerics(inner)
        case Every(parts) | Some(parts):
            return set[str]().union(*(_numerics(part) for part in parts))
        case Compare(kind, name) | Among(kind, name):
            return {name} if kind == "number" else set()
