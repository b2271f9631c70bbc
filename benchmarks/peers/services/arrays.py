"""The arrays of a folder, and what both peers compute from them: the mix of three experts over every item.

Users' vectors are looked up, not solved: these services react to nothing, and are timed at their cheapest.
"""

from pathlib import Path

import numpy as np

WEIGHTS = (1.0, 0.6, 0.4)


class Arrays:
    """Item arrays [n_items, dim] and user arrays [n_users, dim], mapped."""

    def __init__(self, folder: str) -> None:
        names = ("collaborative", "bias", "content", "popularity", "seen", "likes", "tastes")
        self.of = {name: np.load(Path(folder) / f"{name}.npy") for name in names}

    def scores(self, user: int) -> np.ndarray:
        """Return every item's score, float32 [n_items]."""
        of, (first, second, third) = self.of, np.array(WEIGHTS, np.float32)
        liked = of["collaborative"] @ of["likes"][user] + of["bias"]
        return first * liked + second * (of["content"] @ of["tastes"][user]) + third * of["popularity"]

    def seen(self, user: int) -> np.ndarray:
        """Return the item rows not to show again."""
        return self.of["seen"][user]


def number(user_id: str) -> int:
    """Return which user an id means."""
    return int(user_id.rpartition("-")[2])


def item_id(row: int) -> str:
    """Return an item's id."""
    return f"item-{row:07d}"
