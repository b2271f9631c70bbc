"""Training rows: the record that they are made in, and the columns that a file holds.

Owns their layout and their fingerprint. What a row means, `examples` decides.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from coldframe.shards.bits import mix_one

ROW = np.dtype(
    [
        ("timestamp", "<i8"),
        ("user", "<i4"),
        ("item", "<i4"),
        ("weight", "<f4"),
        ("probability", "<f4"),
        ("user_count", "<i4"),
        ("item_count", "<i4"),
        ("label", "<i8"),
    ]
)
"""One row, 40 bytes.

`user`, `item` rows of the vocabularies; `label` 0 or 1; `weight` ≥ 0; `timestamp` of the event in µs; `probability`:
how likely the draw was to give this item, 1 for an event's own row; `user_count`: the user's earlier events;
`item_count`: the item's events before that day began.
"""
Rows = NDArray[np.void]


class Columns(NamedTuple):
    """Rows as parallel arrays."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    label: NDArray[np.uint8]
    weight: NDArray[np.float32]
    timestamp: NDArray[np.int64]
    probability: NDArray[np.float32]
    user_count: NDArray[np.int32]
    item_count: NDArray[np.int32]

    @staticmethod
    def of(rows: Rows, order: NDArray[np.int64]) -> "Columns":
        """Return rows in the order of some places, int64 [n]. Each is fetched once: that is what a shuffle costs."""
        kinds = (np.int32, np.int32, np.uint8, np.float32, np.int64, np.float32, np.int32, np.int32)
        columns = Columns._make(np.empty(len(order), kind) for kind in kinds)
        _spread(rows, order, columns)
        return columns


def fingerprint(rows: Columns) -> int:
    """Return a number that is the same for the same rows in any order, 64 bits."""
    return int(_fingerprint(rows))


@numba.njit(cache=True, nogil=True)
def _spread(rows, order, columns):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for at in range(len(order)):
        row = rows[order[at]]
        columns.user[at], columns.item[at] = row.user, row.item
        columns.label[at], columns.weight[at] = row.label, row.weight
        columns.timestamp[at], columns.probability[at] = row.timestamp, row.probability
        columns.user_count[at], columns.item_count[at] = row.user_count, row.item_count


@numba.njit(cache=True, nogil=True)
def _fingerprint(rows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    weight, probability = rows.weight.view(np.uint32), rows.probability.view(np.uint32)
    total = np.uint64(0)
    for at in range(len(rows.user)):
        state = mix_one((np.uint64(rows.user[at]) << np.uint64(32)) | np.uint64(rows.item[at]))
        state = mix_one(state ^ np.uint64(rows.timestamp[at]))
        state = mix_one(state ^ ((np.uint64(weight[at]) << np.uint64(32)) | np.uint64(probability[at])))
        state = mix_one(state ^ ((np.uint64(rows.user_count[at]) << np.uint64(32)) | np.uint64(rows.item_count[at])))
        total += mix_one(state ^ np.uint64(rows.label[at]))
    return total
