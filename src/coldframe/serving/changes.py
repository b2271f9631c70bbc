"""What is kept of a catalogue, brought up to date by what changed in it and never by reading all of it again.

Owns when that is done, and the rows of a value as items come and go. What is kept is `catalogue`'s and `attributes`'.
"""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from coldframe.dataset.training_set import Rows
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


def regrouped(groups: Mapping[str, Rows], changed: Iterable[int], now: Iterable[tuple[str, int]]) -> dict[str, Rows]:
    """Return the rows of each value, ascending, after some rows changed; `now` are their values, each once a row.

    >>> before = {"mug": np.array([0, 2], np.int32), "pot": np.array([1], np.int32)}
    >>> {value: rows.tolist() for value, rows in regrouped(before, [1, 2], [("mug", 1), ("lid", 2)]).items()}
    {'mug': [0, 1], 'lid': [2]}
    """
    left, come = np.array([*changed], np.int32), dict[str, list[int]]()
    for value, row in now:
        come.setdefault(value, []).append(row)
    found = {value: rows[~np.isin(rows, left)] for value, rows in groups.items()}
    for value, rows in come.items():
        found[value] = np.union1d(found.get(value, left[:0]), np.array(rows, np.int32))
    return {value: rows for value, rows in found.items() if len(rows)}
