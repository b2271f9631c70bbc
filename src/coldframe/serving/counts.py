"""Events per item by now: those the bundle was trained on, and those that came since.

Owns when the store is asked again. A request never waits for it: counts are read by whoever refreshes the engine.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import NEVER
from coldframe.scoring.served import ServedModel
from coldframe.store.protocol import Store

EVERY_US = 10_000_000
"""How old counts may be when they are asked for again, µs: 10 seconds."""


class Counted(NamedTuple):
    """Events per item row, int32 [n_items], and the serial of the newest event among them."""

    of_row: NDArray[np.int32]
    serial: int


class LiveCounts:
    """Present counts over one bundle's item rows. Safe from several threads: an array handed out never changes."""

    def __init__(self, store: Store, model: ServedModel) -> None:
        self._store, self._model = store, model
        self._counts = Counted(model.item_counts, 0)
        self._read_at = NEVER

    def current(self) -> Counted:
        """Return the counts as last read."""
        return self._counts

    def refresh(self, now: int) -> None:
        """Read what happened since the bundle's window ended, unless that was done in the last 10 seconds."""
        if self._read_at != NEVER and 0 <= now - self._read_at < EVERY_US:  # a clock set back is no reason to wait
            return
        self._read_at = now
        self.read()

    def read(self, serial: int | None = None) -> None:
        """Read what happened since the bundle's window ended, or what of it had happened by an earlier serial."""
        end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._model.as_of)
        since, newest = self._store.item_counts(start=end, serial=serial)
        rows, events = self._model.items.rows(since), np.fromiter(since.values(), np.int32, len(since))
        known = rows >= 0
        counts = self._model.item_counts.copy()
        counts[rows[known]] += events[known]
        self._counts = Counted(counts, newest)
