"""Slots for young items: no loss of accuracy ever puts them on a list, so a policy does, at a declared cost.

Owns which slot is given up and how likely that was. The mixer says which young item is the best one. A lot decides,
drawn from the request alone, so that an answer can be made again and its propensities are known.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
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
    """`share` of all slots, in expectation, for young items; 0: they have to earn theirs."""

    share: float = 0.0

    def slots(self, scores: Floats, is_young: Bools, n: int, request: Request) -> Slots:
        """Return the best `n` candidates, the last slots given to the best young ones as far as the share asks for it.

        Slots that young items earned count. Where the share leaves a fraction of a slot, a lot decides.
        """
        places = best_rows(np.arange(len(scores)), scores, n, key=request.now)
        likely = np.ones(len(places), np.float32)
        certain, chance = divmod(self.share * n, 1)
        old = np.flatnonzero(~is_young[places])[::-1]
        rest = np.setdiff1d(np.flatnonzero(is_young), places)
        missing = int(certain) - (len(places) - len(old))
        low, high = (min(max(one, 0), len(rest), len(old)) for one in (missing, missing + 1))
        by_lot = high > low and chance > 0
        taken = high if by_lot and _lot(request) < chance else low
        if by_lot and taken == low:
            likely[old[high - 1]] = 1 - chance
        newcomers, given_up = best_rows(rest, scores, taken, key=request.now), old[:taken]
        theirs = np.ones(taken, np.float32)
        if by_lot and taken == high:
            theirs[-1] = chance
        return Slots(
            np.concatenate([np.delete(places, given_up), newcomers]).astype(np.int64),
            np.concatenate([np.delete(likely, given_up), theirs]),
        )


def is_young(evidence: Evidence) -> Bools:
    """Return which of a request's candidates are young, bool [n]."""
    return evidence.context[:, CONTEXT.index("item_interaction_count")] < np.log1p(YOUNG_COUNT + 0.5)


def _lot(request: Request) -> float:
    """Return a number in 0 … 1 that depends on the request alone."""
    history = request.history
    row = np.array([len(history) + int(history.item.sum(dtype=np.int64)) % 1_000_003])
    return float(lots(row, request.now)[0]) / 2**64


@dataclass(frozen=True)
class Exposed:
    """A hybrid whose lists of `n` follow the policy, as a scorer: who gives up a slot swaps scores with who gets it."""

    hybrid: Hybrid
    exposure: Exposure
    n: int
    name: str = "exposed"

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items], NaN on what is no candidate."""
        mixed = self.hybrid.mix(request)
        scores = mixed.scores.copy()
        places = self.exposure.slots(mixed.scores, is_young(mixed.evidence), self.n, request).places
        ahead = best_rows(np.arange(len(scores)), mixed.scores, self.n, key=request.now)
        newcomers, given_up = places[~np.isin(places, ahead)], ahead[~np.isin(ahead, places)]
        scores[newcomers], scores[given_up] = mixed.scores[given_up], mixed.scores[newcomers]
        found = np.full(len(self.hybrid.fitted_counts), np.nan, np.float32)
        found[mixed.evidence.items] = scores
        return found
