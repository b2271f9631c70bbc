"""Examples of indifference: items a user never met, drawn for each event that says "liked".

Owns which items may be drawn, how likely each is and what happens when a user has met nearly everything. A draw depends
on the seed, the ids and time of the event, the number of the negative and the vocabulary, so every engine, retry and
repeat gives the same rows. Never looks at an item met outside the window as if it were unknown, and never draws for a
dislike: that is a negative already.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.draws import Words, below, draw, event_keys, hash_ids, share
from coldframe.dataset.training_set import Bags, Floats, Interactions, Rows, TrainingSet
from coldframe.errors import InputError
from coldframe.settings import Settings

TRIES = 8
"""Draws for one negative that may hit an item the user met; then one draw among what is left."""
STRIDE = 16
"""Counters reserved for one negative: `TRIES` draws and the last one."""
POPULARITY_POWER = 0.75
"""Popularity is the count of liking events to this power."""
RESOLUTION = 2**31
"""Popularity is drawn in whole steps of 1 ÷ RESOLUTION, so that no engine's rounding matters."""
BLOCK = 65_536
"""Events drawn for at a time: memory stays flat."""


@dataclass(frozen=True)
class Negatives:
    """Drawn negatives as parallel arrays, in order of event and, within it, of the number of the negative.

    `event` is the row of the interaction that each was drawn for; `probability` is how likely that draw was to give
    this item (what a log-Q correction subtracts the logarithm of). `missing` counts negatives that do not exist because
    their user has met every item.
    """

    event: NDArray[np.int64]
    user: Rows
    item: Rows
    probability: Floats
    missing: int

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class NegativeSampler:
    """Draws negatives for one training set, as often as wanted: another seed, another draw.

    `popularity` holds cumulative steps of `RESOLUTION` per item (empty: all uniform), `proposal` the probability that
    one proposal is each item.
    """

    interactions: Interactions
    seen: Bags
    ratio: int
    popularity_share: float
    user_hash: Words
    item_hash: Words
    popularity: NDArray[np.int64]
    proposal: NDArray[np.float64]

    @staticmethod
    def of(training_set: TrainingSet, settings: Settings) -> "NegativeSampler":
        """Prepare the draws for a training set. Raises `InputError` when it does not know what users have met."""
        if len(training_set.seen) != training_set.n_users:
            raise InputError(
                f"The training set knows what {len(training_set.seen):,} of {training_set.n_users:,} users have met.",
                remedy="Build it with build_training_set, which fills TrainingSet.seen.",
            )
        n_items, part = training_set.n_items, settings.negatives.popularity_share
        liked = training_set.interactions.item[training_set.interactions.weight > 0]
        popularity = cumulative_popularity(np.bincount(liked, minlength=n_items)) if part else np.empty(0, np.int64)
        return NegativeSampler(
            interactions=training_set.interactions,
            seen=training_set.seen,
            ratio=negatives_per_positive(n_items, settings),
            popularity_share=part,
            user_hash=hash_ids(training_set.users.ids),
            item_hash=hash_ids(training_set.items.ids),
            popularity=popularity,
            proposal=proposals(popularity, part, n_items),
        )

    @property
    def n_items(self) -> int:
        """Items that can be drawn."""
        return len(self.item_hash)

    def draw(self, seed: int) -> Negatives:
        """Return `ratio` negatives for each event of positive weight, drawn with replacement.

        The event's own item is never among them, nor any other that its user met before the end of the window.
        """
        liked = np.flatnonzero(self.interactions.weight > 0)
        possible = liked[self._n_unmet(self.interactions.user[liked]) > 0]
        item = np.empty((len(possible), self.ratio), np.int32)
        by_user = np.argsort(self.interactions.user[possible], kind="stable")
        for start in range(0, len(possible), BLOCK):
            block = by_user[start : start + BLOCK]
            item[block] = self._draw_for(possible[block], seed)
        event, drawn = np.repeat(possible, self.ratio), item.ravel()
        user = self.interactions.user[event]
        missing = (len(liked) - len(possible)) * self.ratio
        return Negatives(event, user, drawn, self._probability(user, drawn).astype(np.float32), missing)

    def _draw_for(self, events: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Return the negatives of some events, [n_events, ratio]; each user has at least one item left."""
        chosen = self.interactions
        user, item = chosen.user[events].astype(np.int64), chosen.item[events]
        keys = event_keys(seed, self.user_hash[user], self.item_hash[item], chosen.timestamp[events])
        keys, user = np.repeat(keys, self.ratio), np.repeat(user, self.ratio)
        counter = np.tile(np.arange(self.ratio, dtype=np.uint64) * np.uint64(STRIDE), len(events))
        drawn, refused = np.empty(len(keys), np.int64), np.arange(len(keys))
        for attempt in range(TRIES):
            proposed = self._propose(draw(keys[refused], counter[refused] + np.uint64(attempt)))
            drawn[refused] = proposed
            refused = refused[self._has_met(user[refused], proposed)]
        bits = draw(keys[refused], counter[refused] + np.uint64(TRIES))
        drawn[refused] = self._unmet(user[refused], below(bits, self._n_unmet(user[refused])))
        return drawn.reshape(-1, self.ratio)

    def _propose(self, bits: Words) -> NDArray[np.int64]:
        """Return one item per draw, met or not."""
        uniform = below(bits, self.n_items)
        if not self.popularity_share:
            return uniform
        popular = np.searchsorted(self.popularity, below(bits, int(self.popularity[-1])), side="right")
        return np.where(share(bits) < self.popularity_share, popular, uniform)

    def _has_met(self, user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.bool_]:
        wanted = user * self.n_items + item
        return self._met[np.searchsorted(self._met, wanted)] == wanted

    def _n_unmet(self, user: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return how many items each user never met."""
        return self.n_items - self.seen.sizes[user]

    @cached_property
    def _first_of_user(self) -> NDArray[np.int64]:
        """User row × n_items for each pair met: where the numbers of that user's pairs begin."""
        return np.repeat(np.arange(len(self.seen)), self.seen.sizes) * self.n_items

    @cached_property
    def _met(self) -> NDArray[np.int64]:
        """The number of each pair met, ascending, and one beyond any pair."""
        return np.append(self._first_of_user + self.seen.indices, np.iinfo(np.int64).max)

    @cached_property
    def _unmet_before(self) -> NDArray[np.int64]:
        """For each pair met the count of unmet items before it, on top of `_first_of_user`; ascending too."""
        place = np.arange(len(self.seen.indices)) - np.repeat(self.seen.indptr[:-1], self.seen.sizes)
        return self._first_of_user + self.seen.indices - place

    @cached_property
    def _met_mass(self) -> NDArray[np.float64]:
        """How likely one proposal is to be an item that the user met, float64 [n_users]."""
        user = np.repeat(np.arange(len(self.seen)), self.seen.sizes)
        mass = np.bincount(user, weights=self.proposal[self.seen.indices], minlength=len(self.seen))
        return mass.astype(np.float64)

    def _unmet(self, user: NDArray[np.int64], nth: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return each user's nth item (from 0) among those never met, in order of row.

        The i-th item met has `row − i` unmet ones before it: every item met that has at most nth of them pushes the
        answer up by one.
        """
        pushed = np.searchsorted(self._unmet_before, user * self.n_items + nth, side="right")
        return nth + pushed - self.seen.indptr[user]

    def _probability(self, user: Rows, item: Rows) -> NDArray[np.float64]:
        """Return how likely each draw was: the item after 0 … TRIES − 1 refused proposals, or as the last draw.

        q (1 + m + … + m^(TRIES − 1)) + m^TRIES ÷ unmet, with q the item's share of proposals and m that of what the
        user met.
        """
        mass = self._met_mass
        reached = np.sum([mass**attempt for attempt in range(TRIES)], axis=0)
        last = mass**TRIES / np.maximum(self._n_unmet(np.arange(len(mass))), 1)
        return self.proposal[item] * reached[user] + last[user]


def negatives_per_positive(n_items: int, settings: Settings) -> int:
    """Return the ratio for a catalogue of n items.

    >>> negatives_per_positive(5_000, Settings()), negatives_per_positive(100_000, Settings())
    (3, 10)
    """
    rule = settings.negatives
    return rule.large_ratio if n_items >= rule.large_catalogue else rule.ratio


def cumulative_popularity(liked: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return cumulative popularity in steps of RESOLUTION from liking events per item, int64 [n_items]."""
    power = liked**POPULARITY_POWER
    return np.cumsum(np.floor(power / max(power.sum(), 1) * RESOLUTION).astype(np.int64))


def proposals(popularity: NDArray[np.int64], part: float, n_items: int) -> NDArray[np.float64]:
    """Return the probability that one proposal is each item, float64 [n_items]."""
    uniform = np.full(n_items, 1 / max(n_items, 1))
    if not part:
        return uniform
    return (1 - part) * uniform + part * np.diff(popularity, prepend=0) / max(popularity[-1], 1)
