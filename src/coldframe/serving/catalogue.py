"""What of a bundle's catalogue can be shown at a moment.

Owns the masks over a bundle's item rows, read from the store and kept until the catalogue changes. Never scores, and
never hides an item for what one user did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import NamedTuple

import numpy as np

from coldframe.dataset.training_set import NEVER, Bools, Rows, Times, Vocabulary, micros
from coldframe.domain import Item
from coldframe.pacing import rested
from coldframe.store.protocol import Store

FOREVER = np.iinfo(np.int64).max
AT_ONCE = 256
"""Items looked at without a pause."""
_NO_ROWS: Rows = np.empty(0, np.int32)


@dataclass(frozen=True)
class CatalogueView:
    """The catalogue at one version, over the rows of one bundle.

    `listed` says which rows are in the catalogue and available, `begins` ≤ now < `ends` (µs) when each can be shown;
    all bool or int64 [n_items]. `unknown` counts available items that have no row.
    """

    version: int
    listed: Bools
    begins: Times
    ends: Times
    of_category: Mapping[str, Rows]
    unknown: int

    def shown(self, now: int, category: str | None = None) -> Bools:
        """Return a new mask of the rows that can be shown at `now` (µs), of one category if named."""
        mask = self._window(now).mask.copy()
        if category is not None:
            inside = np.zeros_like(mask)
            inside[self.of_category.get(category, _NO_ROWS)] = True
            mask &= inside
        return mask

    def _window(self, now: int) -> "Window":
        """Return the mask at `now`, the same one until an item begins or ends."""
        window = self._windows[-1]
        if not window.since <= now < window.until:
            window = Window.at(now, self.listed, self.begins, self.ends)
            self._windows[:] = [window]
        return window

    @cached_property
    def _windows(self) -> list["Window"]:
        return [Window(0, 0, self.listed)]


class Window(NamedTuple):
    """What can be shown from `since` until before `until` (µs), bool [n_items]."""

    since: int
    until: int
    mask: Bools

    @staticmethod
    def at(now: int, listed: Bools, begins: Times, ends: Times) -> "Window":
        """Return the window around a moment.

        >>> Window.at(5, np.array([True, True]), np.array([0, 9]), np.array([7, 20]))
        Window(since=0, until=7, mask=array([ True, False]))
        """
        begun, ended = begins <= now, ends <= now
        since = max(int(begins[begun].max(initial=NEVER)), int(ends[ended].max(initial=NEVER)))
        until = min(int(begins[~begun].min(initial=FOREVER)), int(ends[~ended].min(initial=FOREVER)))
        return Window(since, until, listed & begun & ~ended)


class Catalogue:
    """The store's catalogue over one bundle's rows, read again when its version grows. Safe from several threads."""

    def __init__(self, store: Store, vocabulary: Vocabulary) -> None:
        self._store = store
        self._vocabulary = vocabulary
        self._lock = Lock()
        self._view = self._read()

    def current(self) -> CatalogueView:
        """Return the catalogue as the store has it now."""
        version = self._store.catalogue_version()
        if self._view.version >= version:
            return self._view
        with self._lock:
            if self._view.version < version:
                self._view = self._read()
            return self._view

    def _read(self) -> CatalogueView:
        version = self._store.catalogue_version()
        return view_of(self._store.items(), self._vocabulary, version)


def view_of(items: Iterable[Item], vocabulary: Vocabulary, version: int) -> CatalogueView:
    """Return the view of a catalogue. Of an empty one nothing can be left out: every row is listed.

    >>> items = [Item(item_id="a", available=False), Item(item_id="b"), Item(item_id="new")]
    >>> view = view_of(items, Vocabulary(("a", "b", "gone")), version=1)
    >>> view.shown(0).tolist(), view.unknown
    ([False, True, False], 1)
    """
    listed = np.zeros(len(vocabulary), np.bool_)
    begins, ends = np.full(len(vocabulary), NEVER), np.full(len(vocabulary), FOREVER)
    of_category: dict[str, list[int]] = {}
    unknown, empty = 0, True
    for item in rested(items, AT_ONCE):
        empty = False
        row = vocabulary.row_of.get(item.item_id)
        if row is None:
            unknown += item.available
            continue
        listed[row] = item.available
        begins[row] = micros(item.created_at)
        ends[row] = micros(item.expires_at) if item.expires_at else FOREVER
        for category in set(item.categories):
            of_category.setdefault(category, []).append(row)
    if empty:
        listed[:] = True
    rows = {category: np.array(found, np.int32) for category, found in of_category.items()}
    return CatalogueView(version, listed, begins, ends, rows, unknown)
