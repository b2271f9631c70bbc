"""What of a bundle's catalogue can be shown at a moment.

Owns the masks over a bundle's item rows, and which items have no row. Never scores, and never hides an item for what
one user did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coldframe.dataset.training_set import NEVER, Bools, Times, Vocabulary, micros
from coldframe.domain import Item
from coldframe.serving.changes import Groups
from coldframe.store.protocol import CatalogueChanges

FOREVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class CatalogueView:
    """The catalogue at one version, over the rows of one bundle.

    `there` says which rows are in the catalogue, `available` which of them can be had, `begins` ≤ now < `ends` (µs)
    when; all bool or int64 [n_items]. `strangers` are the items that have no row, by id.
    """

    version: int
    items: Vocabulary
    there: Bools
    available: Bools
    begins: Times
    ends: Times
    of_category: Groups
    strangers: Mapping[str, Item]

    @staticmethod
    def empty(items: Vocabulary) -> "CatalogueView":
        """Return the view of a catalogue without an item."""
        nothing = np.zeros(len(items), np.bool_)
        begins, ends = np.full(len(items), NEVER), np.full(len(items), FOREVER)
        return CatalogueView(0, items, nothing, nothing, begins, ends, Groups.empty(len(items)), {})

    @property
    def unknown(self) -> int:
        """How many available items have no row."""
        return sum(item.available for item in self.strangers.values())

    @cached_property
    def listed(self) -> Bools:
        """Which rows can be had at all. Of an empty catalogue nothing can be left out: every one."""
        return self.available if self.strangers or self.there.any() else np.ones(len(self.items), np.bool_)

    def after(self, changes: CatalogueChanges) -> "CatalogueView":
        """Return the view at a later version.

        >>> items = [Item(item_id="a", available=False), Item(item_id="b"), Item(item_id="new")]
        >>> view = CatalogueView.empty(Vocabulary(("a", "b", "gone"))).after(CatalogueChanges(1, items, []))
        >>> view.shown(0).tolist(), view.unknown
        ([False, True, False], 1)
        """
        there, available = self.there.copy(), self.available.copy()
        begins, ends = self.begins.copy(), self.ends.copy()
        strangers, categories = dict(self.strangers), dict[int, tuple[str, ...]]()
        for item_id in changes.removed:
            strangers.pop(item_id, None)
            row = self.items.row_of.get(item_id)
            if row is not None:
                there[row] = available[row] = False
                begins[row], ends[row] = NEVER, FOREVER
                categories[row] = ()
        for item in changes.items:
            row = self.items.row_of.get(item.item_id)
            if row is None:
                strangers[item.item_id] = item
                continue
            there[row], available[row] = True, item.available
            begins[row] = micros(item.created_at)
            ends[row] = micros(item.expires_at) if item.expires_at else FOREVER
            categories[row] = item.categories
        of_category = self.of_category.after([*categories], [*categories.values()]) if categories else self.of_category
        return CatalogueView(changes.version, self.items, there, available, begins, ends, of_category, strangers)

    def extended(self, items: Vocabulary, newcomers: Sequence[Item]) -> "CatalogueView":
        """Return the view over more rows: `newcomers` are those of its strangers that have one in `items`."""
        more = len(items) - len(self.items)
        named = {item.item_id for item in newcomers}
        longer = replace(
            self,
            items=items,
            there=np.append(self.there, np.zeros(more, np.bool_)),
            available=np.append(self.available, np.zeros(more, np.bool_)),
            begins=np.append(self.begins, np.full(more, NEVER)),
            ends=np.append(self.ends, np.full(more, FOREVER)),
            of_category=self.of_category.resized(len(self.items), len(items)),
            strangers={item_id: item for item_id, item in self.strangers.items() if item_id not in named},
        )
        return longer.after(CatalogueChanges(self.version, newcomers, []))

    def shown(self, now: int, category: str | None = None) -> Bools:
        """Return a new mask of the rows that can be shown at `now` (µs), of one category if named."""
        mask = self._window(now).mask.copy()
        if category is not None:
            inside = np.zeros_like(mask)
            inside[self.of_category.rows(category)] = True
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
