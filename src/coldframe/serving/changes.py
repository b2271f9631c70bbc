"""What is kept of a catalogue, brought up to date by what changed in it and never by reading all of it again.

Owns when that is done, and which rows share a value as items come and go. What is kept is owned by `catalogue` and
`attributes`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from coldframe.dataset.training_set import Bags, Rows
from coldframe.pacing import rested
from coldframe.store.protocol import CatalogueChanges, Store

AT_ONCE = 128
"""Items read without a pause."""


class State(Protocol):
    """Something kept of a catalogue at a version."""

    @property
    def version(self) -> int:
        """The catalogue's version."""
        ...

    def after(self, changes: CatalogueChanges) -> Self:
        """Return the same at a later version; this one stays as it is."""
        ...


S = TypeVar("S", bound=State)


class Kept(Generic[S]):
    """A state that is as new as the store's catalogue whenever it is asked for. Safe from several threads."""

    def __init__(self, store: Store, state: S) -> None:
        self._store, self._state, self._lock = store, state, Lock()

    def current(self) -> S:
        """Return the state as the store has it now."""
        version = self._store.catalogue_version()
        if self._state.version >= version:
            return self._state
        with self._lock:
            if self._state.version < version:
                self._state = self._state.after(self._store.catalogue_changes(self._state.version))
            return self._state


def whole(store: Store) -> CatalogueChanges:
    """Return all of a catalogue as what changed since there was none; what changes meanwhile will be told again."""
    version = store.catalogue_version()
    return CatalogueChanges(version, rested(store.items(), AT_ONCE), [])


@dataclass(frozen=True)
class Groups:
    """Which rows share a value: `of_row` has the codes of each row's values, `codes` each value's code."""

    codes: Mapping[str, int]
    of_row: Bags
    _found: dict[str, Rows] = field(default_factory=dict[str, Rows])

    @staticmethod
    def empty(n_rows: int) -> "Groups":
        """Return rows without a value."""
        return Groups({}, Bags.empty(n_rows))

    def rows(self, value: str) -> Rows:
        """Return the rows that have a value, ascending, not to be written to.

        >>> groups = Groups.empty(3).after([0, 1], [["mug"], ["pot"]]).after([1, 2], [["mug", "red"], ["mug"]])
        >>> groups.rows("mug").tolist(), groups.rows("pot").tolist(), groups.rows("unheard of").tolist()
        ([0, 1, 2], [], [])
        """
        if value not in self._found:
            places = np.flatnonzero(self.of_row.indices == self.codes.get(value, -1))
            self._found[value] = (np.searchsorted(self.of_row.indptr, places, side="right") - 1).astype(np.int32)
        return self._found[value]

    def after(self, rows: Sequence[int], values: Sequence[Iterable[str]]) -> "Groups":
        """Return the groups after some rows, each once, have other values."""
        order = np.argsort(np.array(rows, np.int32), kind="stable")
        codes = dict(self.codes)
        pairs = [(place, codes.setdefault(value, len(codes))) for place, at in enumerate(order) for value in values[at]]
        place, code = np.array(pairs, np.int64).reshape(-1, 2).T
        others = Bags.of(place, code, n_rows=len(rows), n_features=len(codes))
        return Groups(codes, self.of_row.put(np.array(rows, np.int32)[order], others, len(self.of_row)))

    def resized(self, n_kept: int, n_rows: int) -> "Groups":
        """Return the first `n_kept` rows, and others behind them that have no value."""
        kept = self.of_row.put(np.empty(0, np.int32), Bags.empty(), n_kept)
        return Groups(self.codes, kept.put(np.empty(0, np.int32), Bags.empty(), n_rows))
