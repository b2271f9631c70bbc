"""Where items are: the vectors of experts that have some, of length 1, to say how alike two items are.

Owns what a space is, not where its vectors come from.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from coldframe.dataset.training_set import Bools, Floats, Rows


class Space(Protocol):
    """Vectors of length 1, or 0 for items that are nowhere in it."""

    @property
    def inside(self) -> Bools:
        """Which items are anywhere in it, bool [n_items]."""
        ...

    def unit_of(self, rows: Rows) -> Floats:
        """Return the vectors of some items, float32 [len(rows), dim]."""
        ...

    def cosines(self, vector: Floats) -> Floats:
        """Return every item's cosine to a vector of length 1, float32 [n_items]."""
        ...


def in_space(expert: object) -> Space | None:
    """Return an expert's space, None where it has none."""
    space: Space | None = getattr(expert, "space", None)
    return space


@dataclass(frozen=True)
class Units:
    """Vectors of length 1 or 0, float32 [n_items, dim]."""

    vectors: Floats

    @staticmethod
    def of(vectors: Floats) -> "Units":
        """Return vectors of any length, each made 1 long."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return Units(vectors / np.maximum(lengths, np.float32(1e-12)))

    @property
    def inside(self) -> Bools:
        """Which items are anywhere."""
        return self._inside

    @cached_property
    def _inside(self) -> Bools:
        return np.any(self.vectors, axis=1)

    def unit_of(self, rows: Rows) -> Floats:
        """Return some of them."""
        return self.vectors[rows]

    def cosines(self, vector: Floats) -> Floats:
        """Return all inner products with a vector."""
        return self.vectors @ vector


@dataclass(frozen=True)
class Followed:
    """A space, and vectors float32 [n_new, dim] of length 1 or 0 of items behind those that it knows."""

    known: Space
    then: Floats

    @property
    def inside(self) -> Bools:
        """Which items are anywhere in it."""
        return self._inside

    @cached_property
    def _inside(self) -> Bools:
        return np.concatenate([self.known.inside, np.any(self.then, axis=1)])

    def unit_of(self, rows: Rows) -> Floats:
        """Return the vectors of some items."""
        n_known = len(self.known.inside)
        new = rows >= n_known
        found = np.zeros((len(rows), self.then.shape[1]), np.float32)
        found[~new], found[new] = self.known.unit_of(rows[~new]), self.then[rows[new] - n_known]
        return found

    def cosines(self, vector: Floats) -> Floats:
        """Return every item's cosine to a vector of length 1."""
        return np.concatenate([self.known.cosines(vector), self.then @ vector])
