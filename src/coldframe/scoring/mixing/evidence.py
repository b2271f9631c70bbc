"""What the mixer sees of one request: every candidate as every expert sees it, and how warm user and item are.

Owns scale and order of the columns. Missing is not zero: an expert that cannot score an item has raw score 0, the last
rank, and says so in a column of its own.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import DAY_US, NEVER, Floats, Rows
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
    features[:, :, 1] = -np.log1p(_ranks(np.where(missing, -np.inf, filled), missing)).T
    features[:, :, 2] = missing.T
    return features.reshape(n, n_experts * PER_EXPERT)


def _ranks(scores: Floats, missing: NDArray[np.bool_]) -> Floats:
    """Return each candidate's place in each expert's order, 0 the best; ties share their mean place, missing last."""
    n = scores.shape[1]
    ordered = np.sort(scores, axis=1)
    ranks = np.empty(scores.shape, np.float32)
    for row, (values, sorted_values) in enumerate(zip(scores, ordered, strict=True)):
        below = np.searchsorted(sorted_values, values, side="left")
        upto = np.searchsorted(sorted_values, values, side="right")
        ranks[row] = n - (below + upto + 1) / 2
    return np.where(missing, np.float32(n), ranks)


def _context(items: Rows, request: Request, warm: Warmth) -> Floats:
    now, fitted = warm.counts_now[items], warm.fitted_counts[items]
    unknown = np.isnan(warm.days_since_signup)
    context = np.empty((len(items), len(CONTEXT)), np.float32)
    context[:, 0] = np.log1p(warm.user_count)
    context[:, 1] = warm.user_count == 0
    context[:, 2] = 0.0 if unknown else np.log1p(warm.days_since_signup)
    context[:, 3] = unknown
    context[:, 4] = np.log1p(now)
    context[:, 5] = now == 0
    context[:, 6] = np.log1p(fitted)
    context[:, 7] = fitted == 0
    times, days, idle = _past(items, request)
    context[:, 8] = times > 0
    context[:, 9] = np.log1p(times)
    context[:, 10] = np.log1p(days)
    context[:, 11] = np.log1p(idle)
    return context


def _past(items: Rows, request: Request) -> tuple[Floats, Floats, float]:
    """Return how often the user had each item, the days since the last time, and the days since any event; 0 unknown.

    float32 [n] twice, and a number.
    """
    history = request.history
    times, days = np.zeros(len(items), np.float32), np.zeros(len(items), np.float32)
    if not len(history):
        return times, days, 0.0
    had, event_place = history.distinct
    place = np.minimum(np.searchsorted(had, items), len(had) - 1)
    known = had[place] == items
    times[known] = np.bincount(event_place)[place[known]]
    if request.now == NEVER:
        return times, days, 0.0
    newest = np.empty(len(had), np.int64)
    newest[event_place] = history.timestamp
    since = np.maximum(request.now - newest, 0) / DAY_US
    days[known] = since[place[known]]
    return times, days, float(since.min())
