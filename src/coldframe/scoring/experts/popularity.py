"""What sells, whoever asks: the only thing to go by for somebody nobody knows.

Owns three forms: over a window, among users with the same attributes, and since the bundle was made.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.experts.past import silence
from coldframe.scoring.opinion import InOrder, Opinion, SpeaksBriefly, SpeaksInFull, descending
from coldframe.scoring.request import Family, Request
from coldframe.scoring.sparse import SparseRows


@dataclass(frozen=True)
class Popularity(SpeaksBriefly):
    """`amount` float32 [n_items]: decayed sum of positive weights, on a logarithmic scale; the same for everybody."""

    name: str
    family: Family
    amount: Floats

    def opinion(self, request: Request) -> Opinion:
        """Return the amounts, never silent."""
        del request
        return InOrder(self.amount, self._descending)

    def prepare(self) -> None:
        """Sort once."""
        _ = self._descending

    @cached_property
    def _descending(self) -> Rows:
        return descending(self.amount)


@dataclass(frozen=True)
class AttributePopularity(SpeaksInFull):
    """`lift` [n_attributes, n_items], sparse: log of how much more an attribute's users take an item than all do."""

    name: str
    family: Family
    lift: SparseRows
    base: Floats

    def score(self, request: Request) -> Floats:
        """Return popularity among users like this one, float32 [n_items]; silent on a user without attributes."""
        known = request.attributes[request.attributes < len(self.lift)]
        if not len(known):
            return silence(len(self.base))
        return self.base + self.lift.combine(known, np.full(len(known), 1 / len(known), np.float32))


@dataclass(frozen=True)
class Trending(SpeaksInFull):
    """log(1 + events since the experts were fitted); silent where a request does not know present counts."""

    name: str
    family: Family
    fitted_counts: NDArray[np.int32]

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        if request.item_counts is None:
            return silence(len(self.fitted_counts))
        return np.log1p(np.maximum(request.item_counts - self.fitted_counts, 0)).astype(np.float32)
