"""Settling beside a slow copy in NumPy, for users of few events and of many: the two are sorted differently."""

import numpy as np
import pytest

from coldframe.shards.encoded import EVENT
from coldframe.shards.settle import FEW, settle


def world(seed, sizes):
    """Return events of users with so many events each, shuffled; times, items and weights are often alike."""
    rng = np.random.default_rng(seed)
    events = np.zeros(sum(sizes), EVENT)
    events["user"] = np.repeat(np.arange(len(sizes)), sizes)
    events["time"], events["item"] = rng.integers(0, 20, len(events)), rng.integers(0, 9, len(events))
    events["key"], events["weight"] = rng.integers(0, 2**63, len(events)), rng.integers(-1, 2, len(events))
    return rng.permutation(events)


@pytest.mark.parametrize("seed", range(5))
def test_order_counts_and_what_was_met(seed):
    events = world(seed, [0, 1, 2, FEW - 1, FEW, FEW + 1, 3 * FEW, 5])
    found = settle(events.copy(), 0, 8)
    expected = events[np.lexsort((events["key"], events["time"], events["user"]))]
    for row in expected:
        row["count"] = np.sum((expected["user"] == row["user"]) & (expected["time"] < row["time"]))
    assert np.array_equal(found.events, expected)
    met = [np.unique(expected["item"][expected["user"] == user]) for user in range(8)]
    assert found.n_met.tolist() == [len(items) for items in met]
    assert found.met.tolist() == np.concatenate(met).tolist()
