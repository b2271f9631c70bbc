"""Why an item has its score for a user, in ids and words a person can check.

Owns the shape, and which events of a history are named. Every number comes from the model.
"""

from math import isnan

import msgspec

from coldframe.dataset.training_set import moment
from coldframe.domain import Past
from coldframe.scoring.request import Request
from coldframe.scoring.served import Reasons

MAX_REASONS = 10
"""Most events of a history that are named, the nearest first."""


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
    `warmth` holds user_interaction_count, item_interaction_count and days_since_signup (None where nobody knows).
    """

    user_id: str
    item_id: str
    score: float
    level: str
    bundle: str
    scores: dict[str, float]
    weights: dict[str, float]
    shares: dict[str, float]
    warmth: dict[str, float | None]
    because_of: list[HistoryReason]


def explanation(
    user_id: str, item_id: str, reasons: Reasons, request: Request, past: Past, *, bundle: str
) -> Explanation:
    """Return the model's reasons with names; `past` holds the events of `request.history`, in its order."""
    return Explanation(
        user_id=user_id,
        item_id=item_id,
        score=float(reasons.score),
        level=reasons.level,
        bundle=bundle,
        scores=reasons.scores,
        weights=reasons.weights,
        shares=reasons.shares,
        warmth={name: None if isnan(value) else value for name, value in reasons.warmth.items()},
        because_of=_because_of(reasons, request, past),
    )


def _because_of(reasons: Reasons, request: Request, past: Past) -> list[HistoryReason]:
    """Name what was liked and is near to the item: each item once, by its newest event."""
    columns = (past.item_ids, past.event_types, past.timestamps, reasons.similarity, request.history.weight)
    newest = {
        item_id: HistoryReason(
            item_id=item_id, event_type=kind, timestamp=moment(at).isoformat(), similarity=float(similarity)
        )
        for item_id, kind, at, similarity, weight in zip(*columns, strict=True)
        if similarity > 0 and weight > 0
    }
    return sorted(newest.values(), key=lambda reason: (-reason.similarity, reason.item_id))[:MAX_REASONS]
