"""A trained model as serving sees it: vocabularies, experts and mixer behind three questions.

Owns the order of an answer: score, mix, pick. Never reads a store, a clock or a file; `bundle` gives the arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, Floats, Rows, Times, Vocabulary
from coldframe.domain import Level
from coldframe.scoring.request import Request


class Answer(NamedTuple):
    """The best items for one request, best first.

    `items` int32 [n] rows, `scores` float32 [n], `shares` float32 [n, n_experts]: how much of the score each expert
    made, non-negative, each row summing to 1 (`ServedModel.expert_names` says which column is whose). n may be less
    than asked when fewer items are allowed.
    """

    items: Rows
    scores: Floats
    shares: Floats
    level: Level


class Reasons(NamedTuple):
    """Why one item has its score for one request, from the arithmetic that made it.

    `scores`: calibrated score per expert that could score; `weights`: what the mixer multiplied them with; `shares`
    as in `Answer`; `warmth`: user_interaction_count, item_interaction_count, days_since_signup (NaN unknown);
    `similarity` float32 [n_events]: of each event of `request.history` to the item, −1 … 1.
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
    """Everything a bundle says, ready to answer."""

    items: Vocabulary
    attribute_names: tuple[str, ...]
    categories: Bags
    category_names: tuple[str, ...]
    created_at: Times
    item_counts: NDArray[Any]
    repeat: Literal["allow", "exclude"]

    @property
    def expert_names(self) -> tuple[str, ...]:
        """Names of the experts in the order of `Answer.shares`."""
        raise NotImplementedError

    def answer(self, request: Request, n: int) -> Answer:
        """Return the best `n` allowed items. The repeat policy is the caller's: it masks `request.allowed`."""
        raise NotImplementedError

    def reasons(self, request: Request, item: int) -> Reasons:
        """Return why item row `item` has its score for a request."""
        raise NotImplementedError

    def similar(self, item: int, n: int) -> tuple[Rows, Floats]:
        """Return the `n` nearest other items and their similarity, −1 … 1, best first."""
        raise NotImplementedError

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> "ServedModel":
        """Return the model that a bundle's arrays and meta hold. Raises `BundleError` naming what is missing."""
        raise NotImplementedError
