"""What the mixer sees of one request: every candidate as every expert sees it, and how warm user and item are.

Owns scale and order of the columns. Missing is not zero: an expert that cannot score an item has raw score 0, the last
rank, and says so in a column of its own.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import DAY_US, NEVER, Floats, Rows
from coldframe.scoring.kernel import ranks
from coldframe.scoring.request import Request

PER_EXPERT = 3
"""Columns per expert: raw score on the calibrated scale, −log(1 + rank among the candidates), 1 where missing."""
CONTEXT = (
    "user_interaction_count",
    "user_is_new",
    "days_since_signup",
    "signup_unknown",
    "item_interaction_count",
    "item_is_new",
    "item_count_when_fitted",
    "item_new_when_fitted",
    "already_had",
    "times_had",
    "days_since_had",
    "days_since_last_event",
)
"""Columns of the context: counts and days as log(1 + x), flags as 0 or 1, all as of the request."""
NEW_WHEN_FITTED = CONTEXT.index("item_new_when_fitted")
"""The column that says that nobody had an item when the experts were fitted."""


class Warmth(NamedTuple):
    """How much is known: of the user (one number each), and of each of n items when fitted and now (int [n])."""

    user_count: int
    days_since_signup: float
    fitted_counts: NDArray[np.int32]
    counts_now: NDArray[np.int32]


class Evidence(NamedTuple):
    """One request's candidates: rows [n], features float32 [n, 3 × n_experts], context float32 [n, len(CONTEXT)]."""

    items: Rows
    features: Floats
    context: Floats


@dataclass(frozen=True)
class Calibration:
    """`scale` float32 [n_experts]: each expert's deviation on the slice that the mixer learned from."""

    scale: Floats

    def raw(self, scores: Floats) -> Floats:
        """Return scores [n_experts, n] on one scale, NaN kept."""
        return scores / self.scale[:, None]


def warmth(request: Request, fitted_counts: NDArray[np.int32]) -> Warmth:
    """Return how warm this request is; days are NaN when the sign-up is not known."""
    known = request.signed_up_at != NEVER and request.now != NEVER
    days = max(0.0, (request.now - request.signed_up_at) / DAY_US) if known else float("nan")
    now = fitted_counts if request.item_counts is None else request.item_counts
    return Warmth(len(request.history), days, fitted_counts, now)


def gather(
    scores: Floats, items: Rows, request: Request, fitted_counts: NDArray[np.int32], calibration: Calibration
) -> Evidence:
    """Return the evidence on the candidates `items` from what every expert says of them, `scores` [n_experts, n]."""
    raw = calibration.raw(scores)
    return Evidence(items, _features(raw), _context(items, request, warmth(request, fitted_counts)))


def occluded(evidence: Evidence, expert: int, n_candidates: int) -> Evidence:
    """Return the evidence as if one expert had said nothing of any of the request's `n_candidates`."""
    features = evidence.features.copy()
    start = PER_EXPERT * expert
    features[:, start : start + PER_EXPERT] = (0.0, -np.log1p(np.float32(n_candidates)), 1.0)
    return evidence._replace(features=features)


def chosen(evidence: Evidence, places: NDArray[np.int64]) -> Evidence:
    """Return the evidence on some of the candidates; what is said of them does not change."""
    return Evidence(evidence.items[places], evidence.features[places], evidence.context[places])


def raw_scores(evidence: Evidence) -> Floats:
    """Return calibrated scores [n, n_experts], NaN where an expert could not say."""
    missing = evidence.features[:, 2::PER_EXPERT] > 0
    return np.where(missing, np.float32(np.nan), evidence.features[:, ::PER_EXPERT])


def _features(raw: Floats) -> Floats:
    n_experts, n = raw.shape
    missing = np.isnan(raw)
    filled = np.where(missing, np.float32(0), raw)
    features = np.empty((n, n_experts, PER_EXPERT), np.float32)
    features[:, :, 0] = filled.T
    features[:, :, 1] = -np.log1p(
        np.where(missing, np.float32(n), ranks(np.where(missing, np.float32(-np.inf), raw)))
    ).T
    features[:, :, 2] = missing.T
    return features.reshape(n, n_experts * PER_EXPERT)


def _context(items: Rows, request: Request, warm: Warmth) -> Floats:
    unknown = np.isnan(warm.days_since_signup)
    context = np.empty((len(items), len(CONTEXT)), np.float32)
    context[:, 0] = np.log1p(warm.user_count)
    context[:, 1] = warm.user_count == 0
    context[:, 2] = 0.0 if unknown else np.log1p(warm.days_since_signup)
    context[:, 3] = unknown
    counts = np.stack([warm.counts_now[items], warm.fitted_counts[items]], axis=1)
    context[:, 4:8:2] = np.log1p(counts)
    context[:, 5:8:2] = counts == 0
    _put_past(context, items, request)
    return context


def _put_past(context: Floats, items: Rows, request: Request) -> None:
    """Write whether and how often the user had each item, the days since the last time and since any event."""
    history = request.history
    context[:, 8:] = 0
    if not len(history):
        return
    had, event_place = history.distinct
    place = np.minimum(np.searchsorted(had, items), len(had) - 1)
    known = np.flatnonzero(had[place] == items)
    place = place[known]
    if len(known):
        context[known, 8] = 1
        context[known, 9] = np.log1p(np.bincount(event_place)[place].astype(np.float32))
    if request.now == NEVER:
        return
    context[:, 11] = np.log1p(np.float64(max(0, request.now - int(history.timestamp.max()))) / DAY_US)
    if len(known):
        newest = np.empty(len(had), np.int64)
        newest[event_place] = history.timestamp
        context[known, 10] = np.log1p((np.maximum(request.now - newest[place], 0) / DAY_US).astype(np.float32))
