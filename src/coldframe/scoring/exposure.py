"""Slots for young items: no loss of accuracy ever puts them on a list, so a policy does, at a declared cost.

Owns which slot is given up and how likely that was. The mixer says which young item is the best one. A lot decides,
drawn from the request alone, so that an answer can be made again and its propensities are known.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
from coldframe.domain import SlotPolicy
from coldframe.scoring.hybrid import YOUNG_COUNT, Hybrid
from coldframe.scoring.mixing import CONTEXT, Evidence
from coldframe.scoring.ranking import best_rows, lots
from coldframe.scoring.request import Request


class Slots(NamedTuple):
    """The places of a list among the candidates, best first, and how likely each was to be shown, both [n]."""

    places: NDArray[np.int64]
    propensities: Floats


@dataclass(frozen=True)
class Exposure:
    """`share` of all slots, in expectation, for young items; 0: they have to earn theirs.

    Every `every`-th place is drawn: where no young item earned one of the places before it, the best young candidate
    takes it with probability `share` × `every`, and who stood there comes next. A longer list begins with the shorter.
    """

    share: float = 0.0
    every: int = 10

    def policy(self, request: Request) -> SlotPolicy | None:
        """Return what an impression keeps of the lots of a request; None where the policy draws none."""
        return SlotPolicy(share=self.share, every=self.every, seed=seed_of(request)) if self.share else None

    def slots(self, scores: Floats, is_young: Bools, n: int, request: Request) -> Slots:
        """Return the `n` candidates to show, from scores float32 and flags bool of all candidates."""
        chance = min(1.0, self.share * self.every)
        size = n if chance == 0 else len(scores)
        waiting = best_rows(np.arange(len(scores)), scores, size, key=request.now).tolist()
        shown: list[int] = []
        likely: list[float] = []
        while waiting and len(shown) < n:
            page, waiting = waiting[: self.every], waiting[self.every :]
            drawn = len(page) == self.every and chance > 0 and not is_young[page].any()
            young = next((place for place in waiting if is_young[place]), None) if drawn else None
            page_likely = [1.0] * len(page)
            if young is not None:
                won = lot(seed_of(request), len(shown)) < chance
                page_likely[-1] = chance if won else 1 - chance
                if won:
                    waiting.remove(young)
                    waiting.insert(0, page[-1])
                    page[-1] = young
            shown, likely = shown + page, likely + page_likely
        return Slots(np.array(shown[:n], np.int64), np.array(likely[:n], np.float32))


def seed_of(request: Request) -> tuple[int, int]:
    """Return what the lots of a request are drawn from: its past and its moment, nothing else."""
    history = request.history
    return len(history) + int(history.item.sum(dtype=np.int64)) % 1_000_003, request.now


def lot(seed: tuple[int, int], place: int) -> float:
    """Return a number in 0 … 1 that depends on a request's seed and the place that the page before it ends at.

    >>> lot((3, 1_000_000), 0) == lot((3, 1_000_000), 0) != lot((3, 1_000_000), 10)
    True
    """
    return float(lots(np.array([place + 1_000 * seed[0]]), seed[1])[0]) / 2**64


def in_order(scores: Floats, places: NDArray[np.int64]) -> Floats:
    """Return scores that put `places` first, in their order, and leave the rest as it is."""
    moved = scores.astype(np.float32, copy=True)
    moved[places] = scores.max(initial=0) + np.arange(len(places), 0, -1, dtype=np.float32)
    return moved


def is_young(evidence: Evidence) -> Bools:
    """Return which of a request's candidates are young, bool [n]."""
    return evidence.context[:, CONTEXT.index("item_interaction_count")] < np.log1p(YOUNG_COUNT + 0.5)


@dataclass(frozen=True)
class Exposed:
    """A hybrid whose lists of `n` follow the policy, as a scorer."""

    hybrid: Hybrid
    exposure: Exposure
    n: int
    name: str = "exposed"

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items], NaN on what is no candidate."""
        mixed = self.hybrid.mix(request)
        places = self.exposure.slots(mixed.scores, is_young(mixed.evidence), self.n, request).places
        found = np.full(len(self.hybrid.fitted_counts), np.nan, np.float32)
        found[mixed.evidence.items] = in_order(mixed.scores, places)
        return found
