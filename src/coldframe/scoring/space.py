"""Where items are: the vectors of experts that have some, of length 1, to say how alike two items are.

Owns what a space is, not where its vectors come from.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats, Rows

T = TypeVar("T", bound=np.generic)


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
class Placed:
    """A space of `n_known` items, but for those of `rows`, int32 ascending, which are where `then` says: some of the
    known ones, and all behind them.
    """

    known: Space
    n_known: int
    rows: Rows
    then: Space

    @property
    def inside(self) -> Bools:
        """Which items are anywhere in it."""
        return self._both(self.known.inside, self.then.inside)

    def unit_of(self, rows: Rows) -> Floats:
        """Return the vectors of some items."""
        place = np.searchsorted(self.rows, rows)
        own = np.append(self.rows, -1)[place] == rows
        units = self.known.unit_of(np.where(own, 0, rows))
        units[own] = self.then.unit_of(place[own].astype(np.int32))
        return units

    def cosines(self, vector: Floats) -> Floats:
        """Return every item's cosine to a vector of length 1."""
        return self._both(self.known.cosines(vector), self.then.cosines(vector))

    def _both(self, known: NDArray[T], then: NDArray[T]) -> NDArray[T]:
        n_new = len(self.rows) - int(np.searchsorted(self.rows, self.n_known))
        found = np.append(known, then[len(then) - n_new :])
        found[self.rows] = then
        return found
