"""The recommender in process: a live bundle, a store, one request at a time.

The HTTP app, the command line and the dashboard all ask this one object. It reads a user's recent events from the
store, builds a `Request`, lets the bundle's scorers answer, and logs the impression. It knows no HTTP.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from coldframe.bundle.registry import Registry
from coldframe.clock import Clock, system_clock
from coldframe.domain import Event, Recommendation, RecommendedItem, Scalar
from coldframe.settings import Settings
from coldframe.store.protocol import Store


class HistoryReason(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the user's past that speaks for the item; `similarity` in −1 … 1."""

    item_id: str
    event_type: str
    timestamp: str
    similarity: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an item has its score for a user, from the arithmetic that made it.

    `scores` are the experts' calibrated scores (absent: that expert could not score), `weights` what the mixer
    multiplied them with, `shares` the experts' shares of the answer (non-negative, sum 1).
    `warmth` holds user_interaction_count, item_interaction_count and days_since_signup.
    """

    user_id: str
    item_id: str
    score: float
    level: str
    bundle: str
    scores: dict[str, float]
    weights: dict[str, float]
    shares: dict[str, float]
    warmth: dict[str, float]
    because_of: list[HistoryReason]


class Engine:
    """Answers requests from the promoted bundle and the store."""

    def __init__(self, store: Store, registry: Registry, settings: Settings, *, clock: Clock = system_clock) -> None:
        raise NotImplementedError

    @property
    def bundle_id(self) -> str | None:
        """The live bundle, or None until a verified one is live."""
        raise NotImplementedError

    def refresh(self) -> bool:
        """Swap to the promoted bundle when it changed; True when it did. A bundle that fails verification
        raises `BundleError` and the previous one keeps serving.
        """
        raise NotImplementedError

    def recommend(
        self,
        user_id: str,
        *,
        n: int | None = None,
        exclude: Collection[str] = (),
        category: str | None = None,
        scenario: str = "default",
    ) -> Recommendation:
        """Return the best `n` items for a user, known or not. Raises `BundleError` when no bundle is live."""
        raise NotImplementedError

    def recommend_anonymous(
        self,
        events: Sequence[Event],
        attributes: Mapping[str, Scalar],
        *,
        n: int | None = None,
        exclude: Collection[str] = (),
        category: str | None = None,
        scenario: str = "default",
        session_id: str | None = None,
    ) -> Recommendation:
        """Return the best `n` items for a visitor known only by what the caller says."""
        raise NotImplementedError

    def similar_items(self, item_id: str, *, n: int = 10) -> list[RecommendedItem]:
        """Return the items nearest to one item. Raises `UnknownIdError`."""
        raise NotImplementedError

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Say why an item has its score for a user. Raises `UnknownIdError` for an unknown item."""
        raise NotImplementedError
