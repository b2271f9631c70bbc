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
    """Vectors float32 [n_items, dim] as if each were 1 long; they stay as they are, since there may be a million."""

    vectors: Floats

    @property
    def inside(self) -> Bools:
        """Which items have any length."""
        return self._lengths > 0

    def unit_of(self, rows: Rows) -> Floats:
        """Return some of them, 1 or 0 long."""
        return self.vectors[rows] / self._divisors[rows, None]

    def cosines(self, vector: Floats) -> Floats:
        """Return the cosine of each to a vector of length 1."""
        return self.vectors @ vector / self._divisors

    @cached_property
    def _lengths(self) -> Floats:
        return np.sqrt(np.einsum("ij,ij->i", self.vectors, self.vectors))

    @cached_property
    def _divisors(self) -> Floats:
        return np.where(self._lengths > 0, self._lengths, np.float32(1))


@dataclass(frozen=True)
class Followed:
    """A space of `n_known` items, and one of the same dimensions of items behind them."""

    known: Space
    n_known: int
    then: Space

    @property
    def inside(self) -> Bools:
        """Which items are anywhere in it."""
        return np.concatenate([self.known.inside, self.then.inside])

    def unit_of(self, rows: Rows) -> Floats:
        """Return the vectors of some items."""
        new = rows >= self.n_known
        units = self.known.unit_of(np.where(new, 0, rows))
        units[new] = self.then.unit_of(rows[new] - self.n_known)
        return units

    def cosines(self, vector: Floats) -> Floats:
        """Return every item's cosine to a vector of length 1."""
        return np.concatenate([self.known.cosines(vector), self.then.cosines(vector)])
