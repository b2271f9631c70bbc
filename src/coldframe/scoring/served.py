"""A trained model as serving sees it: vocabularies, experts and mixer behind three questions.

Owns the order of an answer: score, mix, pick. Never reads a store, a clock or a file; `packing`
makes one of a bundle's arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, Floats, ItemFeatures, Rows, Times, Vocabulary
from coldframe.domain import Level, RecommendedItem
from coldframe.scoring.exposure import Exposure, is_young
from coldframe.scoring.hybrid import Hybrid, Mixed, ask, shares
from coldframe.scoring.mixing.evidence import raw_scores, warmth
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import Request
from coldframe.scoring.space import in_space


class Answer(NamedTuple):
    """The best items for one request, best first.

    `items` int32 [n] rows, `scores` float32 [n], `shares` float32 [n, n_experts]: how much of the score each expert
    made, non-negative, each row summing to 1 (`ServedModel.expert_names` says which column is whose). `propensities`
    float32 [n]: how likely the slot policy was to show each, 1 where no lot was drawn. n may be less than asked when
    fewer items are allowed.
    """

    items: Rows
    scores: Floats
    shares: Floats
    level: Level
    propensities: Floats


class Reasons(NamedTuple):
    """Why one item has its score for one request, from the arithmetic that made it.

    `scores`: calibrated score per expert that could score; `weights`: contribution ÷ calibrated score, what the mixer
    in effect multiplied it with; `shares` as in `Answer`; `warmth`: user_interaction_count, item_interaction_count,
    days_since_signup (NaN unknown); `similarity` float32 [n_events]: of each event of `request.history` to the item,
    −1 … 1.
    """

    score: float
    level: Level
    scores: dict[str, float]
    weights: dict[str, float]
    shares: dict[str, float]
    warmth: dict[str, float]
    similarity: Floats


@dataclass(frozen=True)
class ServedModel:
    """Everything a bundle says, ready to answer. `repeat`: may what a user had before be shown again?"""

    items: Vocabulary
    attribute_names: tuple[str, ...]
    item_features: ItemFeatures
    hybrid: Hybrid
    repeat: Literal["allow", "exclude"]
    as_of: int
    exposure: Exposure = field(default_factory=Exposure)

    @property
    def expert_names(self) -> tuple[str, ...]:
        """Names of the experts in the order of `Answer.shares`."""
        return tuple(expert.name for expert in self.hybrid.experts)

    @property
    def item_counts(self) -> NDArray[np.int32]:
        """Events per item that the experts were fitted on, int32 [n_items]."""
        return self.hybrid.fitted_counts

    @property
    def categories(self) -> Bags:
        """Category rows per item."""
        return self.item_features.categories

    @property
    def category_names(self) -> tuple[str, ...]:
        """What each category row is called."""
        return self.item_features.category_names

    @property
    def created_at(self) -> Times:
        """When each item came into the catalogue, µs, NEVER where unknown."""
        return self.item_features.created_at

    def answer(self, request: Request, n: int) -> Answer:
        """Return the best `n` allowed items. The repeat policy is the caller's: it masks `request.allowed`.

        A list longer than the candidates goes on with the best of those that were none, mixed among themselves.
        """
        mixed = self.hybrid.mix(request)
        places, likely = self.exposure.slots(mixed.scores, is_young(mixed.evidence), n, request)
        items, scores = mixed.evidence.items[places], mixed.scores[places]
        effects = shares(self.hybrid.contributions(mixed, places))
        first = Answer(items, scores, effects, self.hybrid.level(mixed), likely)
        if len(items) in (0, n):
            return first
        allowed = np.ones(len(self.items), np.bool_) if request.allowed is None else request.allowed.copy()
        allowed[items] = False
        return followed(first, self.answer(replace(request, allowed=allowed), n - len(items)))

    def prepare(self, threads: int = 1) -> None:
        """Do before the first request what all requests need, on so many threads, so that nobody waits for it."""
        _ = self.items.row_of
        self.hybrid.prepare(threads)

    def reasons(self, request: Request, item: int) -> Reasons:
        """Return why item row `item` has its score for a request."""
        return self.reasons_of(request, [item])[0]

    def reasons_of(self, request: Request, items: Sequence[int]) -> list[Reasons]:
        """Return why each of some item rows has its score for a request; the experts are asked once for all."""
        opinions = ask(self.hybrid.experts, request)
        wanted = np.array(items, np.int32)
        rows = np.union1d(self.hybrid.candidates(request, opinions), wanted).astype(np.int32)
        mixed = self.hybrid.mix_rows(request, opinions, rows)
        places = np.searchsorted(rows, wanted)
        effects = self.hybrid.contributions(mixed, places)
        return [
            self._reasons(request, mixed, int(place), effect) for place, effect in zip(places, effects, strict=True)
        ]

    def _reasons(self, request: Request, mixed: Mixed, place: int, effect: Floats) -> Reasons:
        item, names = int(mixed.evidence.items[place]), self.expert_names
        raw = raw_scores(mixed.evidence)[place]
        said = [i for i, value in enumerate(raw) if not np.isnan(value)]
        return Reasons(
            score=float(mixed.scores[place]),
            level=self.hybrid.level(mixed),
            scores={names[i]: float(raw[i]) for i in said},
            weights={names[i]: float(effect[i] / raw[i]) if raw[i] else 0.0 for i in said},
            shares=dict(zip(names, shares(effect[None])[0].tolist(), strict=True)),
            warmth=self._warmth(request, item),
            similarity=self._likeness(item)[request.history.item],
        )

    def similar(self, item: int, n: int) -> tuple[Rows, Floats]:
        """Return the `n` nearest other items and their similarity, −1 … 1, best first."""
        likeness = self._likeness(item)
        others = np.flatnonzero(np.arange(len(likeness)) != item)
        rows = best_rows(others, likeness, n, key=item)
        return rows.astype(np.int32), likeness[rows]

    def _warmth(self, request: Request, item: int) -> dict[str, float]:
        warm = warmth(request, self.item_counts)
        return {
            "user_interaction_count": float(warm.user_count),
            "item_interaction_count": float(warm.counts_now[item]),
            "days_since_signup": warm.days_since_signup,
        }

    def _likeness(self, item: int) -> Floats:
        """Return the cosine of every item to one, float32 [n_items]: the mean of the spaces that know both."""
        total, known = np.zeros(len(self.items), np.float32), np.zeros(len(self.items), np.float32)
        for space in filter(None, map(in_space, self.hybrid.experts)):
            if space.inside[item]:
                total += np.where(space.inside, space.cosines(space.unit_of(np.array([item], np.int32))[0]), 0)
                known += space.inside
        return np.clip(total / np.maximum(known, 1), -1, 1).astype(np.float32)


def listed(answer: Answer, items: Vocabulary, expert_names: Sequence[str]) -> tuple[RecommendedItem, ...]:
    """Return an answer by ids, as people and logs see it."""
    columns = (answer.items, answer.scores, answer.shares, answer.propensities)
    slots = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(
        RecommendedItem(
            item_id=items.ids[row],
            score=score,
            mixer_weights=dict(zip(expert_names, shares, strict=True)),
            propensity=likely,
        )
        for row, score, shares, likely in slots
    )


def followed(first: Answer, rest: Answer) -> Answer:
    """Return a list followed by another one, whose scores are moved below it."""
    last = first.scores.min()
    gap = max(0.0, float(rest.scores.max(initial=-np.inf) - last)) if len(rest.items) else 0.0
    below = np.minimum(rest.scores - np.float32(gap), last)  # rounding must not put one above
    return Answer(
        np.concatenate([first.items, rest.items]),
        np.concatenate([first.scores, below]),
        np.concatenate([first.shares, rest.shares]),
        first.level,
        np.concatenate([first.propensities, rest.propensities]),
    )
