"""The forms a mixer can take: evidence in, one score per candidate out. Higher is better.

Owns the forward arithmetic in NumPy; `models.mixing` fits the learned ones in JAX with the same equations. All but the
last three see features z (raw, rank and missing per expert) and context x.

    Blend       w · z                                     the learned fixed blend
    Bucket      (w_item[b] + w_user[b]) · (z, 1)          one blend per bucket of item and of user history
    Gate        (w + g(x)) · z + c(x)                     a network gives every case its own blend and offset
    Network     w · z + f(z, x)                           a network over everything
    Softmax     softmax(g(x)) · raw                       the seed article's form: shares without an offset
    Single      one expert's raw score                    what must be beaten
    Switch      another expert for cold items and users   what must be beaten
    CountCurve  σ((log(1 + count) − m) ÷ s) between two   what must be beaten
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats
from coldframe.scoring.mixing.evidence import PER_EXPERT, Evidence, raw_scores

BUCKET_STARTS = np.log1p(np.array([1, 6, 21], np.float32)) - np.float32(1e-4)
"""Where the buckets of history begin on the log(1 + count) scale: 0, 1–5, 6–20, more than 20 events."""
N_BUCKETS = len(BUCKET_STARTS) + 1
NAMES = ("0", "1-5", "6-20", ">20")
"""Events of history, by bucket."""


class Form(Protocol):
    """Anything that makes one score of a candidate's evidence."""

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n], finite."""
        ...


@dataclass(frozen=True)
class Blend:
    """`weights` float32 [3 × n_experts]."""

    weights: Floats

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        return evidence.features @ self.weights


@dataclass(frozen=True)
class Bucket:
    """`by_item` and `by_user` float32 [N_BUCKETS, 3 × n_experts + 1]; the last column is the bucket's offset."""

    by_item: Floats
    by_user: Floats

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]; an item's bucket is that of its count when the experts were fitted."""
        weights = self.by_item[buckets(evidence.context[:, 6])] + self.by_user[buckets(evidence.context[:, 0])]
        return (evidence.features * weights[:, :-1]).sum(axis=1) + weights[:, -1]


@dataclass(frozen=True)
class Gate:
    """One hidden layer from context to a blend: `hidden` [c, h], `output` [h, 3 × n_experts + 1]."""

    weights: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        moved = relu(evidence.context @ self.hidden + self.hidden_bias) @ self.output + self.output_bias
        return (evidence.features * (self.weights + moved[:, :-1])).sum(axis=1) + moved[:, -1]


@dataclass(frozen=True)
class Network:
    """A linear skip and two hidden layers over features and context together."""

    weights: Floats
    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats
    output: Floats

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        everything = np.concatenate([evidence.features, evidence.context], axis=1)
        inner = relu(relu(everything @ self.first + self.first_bias) @ self.second + self.second_bias)
        return (evidence.features @ self.weights + inner @ self.output).astype(np.float32)


@dataclass(frozen=True)
class Softmax:
    """The seed article's mixer: non-negative shares that sum to 1 over the experts, on raw scores, no offset."""

    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        logits = relu(evidence.context @ self.hidden + self.hidden_bias) @ self.output + self.output_bias
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return (shares * evidence.features[:, ::PER_EXPERT]).sum(axis=1)


@dataclass(frozen=True)
class Single:
    """One expert alone; what it cannot score follows behind in the order of `fallback`, which scores everything."""

    expert: int
    fallback: int

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        raw = raw_scores(evidence)
        return behind(raw[:, self.expert], raw[:, self.fallback])


@dataclass(frozen=True)
class Switch:
    """A tuned hard switch: `new_user` for users without history; else `cold` × `cold_scale` for items with at most
    `cold_count` events when fitted, and raw scores · `warm` (float32 [n_experts]) for the others. Where `new_user`
    cannot say, `fallback`, which scores everything, follows behind.
    """

    warm: Floats
    cold: int
    new_user: int
    fallback: int
    cold_count: int
    cold_scale: float

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        raw = raw_scores(evidence)
        if _is_new_user(evidence):
            return behind(raw[:, self.new_user], raw[:, self.fallback])
        cold = np.nan_to_num(raw[:, self.cold]) * np.float32(self.cold_scale)
        is_cold = evidence.context[:, 6] <= np.log1p(np.float32(self.cold_count)) + 1e-4
        return np.where(is_cold, cold, np.nan_to_num(raw) @ self.warm).astype(np.float32)


@dataclass(frozen=True)
class CountCurve:
    """A hand-made curve: `warm` is trusted σ((log(1 + item count) − `middle`) ÷ `width`), `cold` for the rest; all else
    as for `Switch`.
    """

    warm: Floats
    cold: int
    new_user: int
    fallback: int
    middle: float
    width: float

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        raw = raw_scores(evidence)
        if _is_new_user(evidence):
            return behind(raw[:, self.new_user], raw[:, self.fallback])
        trust = 1 / (1 + np.exp(-(evidence.context[:, 6] - np.float32(self.middle)) / np.float32(self.width)))
        mixed = trust * (np.nan_to_num(raw) @ self.warm) + (1 - trust) * np.nan_to_num(raw[:, self.cold])
        return mixed.astype(np.float32)


FORMS = (Blend, Bucket, Gate, Network, Softmax, Single, Switch, CountCurve)


def buckets(log_counts: Floats) -> NDArray[np.int64]:
    """Return the bucket of each log(1 + count), 0 … N_BUCKETS − 1.

    >>> buckets(np.log1p(np.array([0, 1, 5, 6, 20, 21], np.float32))).tolist()
    [0, 1, 1, 2, 2, 3]
    """
    return np.searchsorted(BUCKET_STARTS, log_counts, side="right")


def _is_new_user(evidence: Evidence) -> bool:
    """Return whether the request is of a user without history."""
    return bool(len(evidence.context)) and bool(evidence.context[0, 1] > 0)


def relu(values: Floats) -> Floats:
    """Return max(0, x)."""
    return np.maximum(values, np.float32(0))


def behind(first: Floats, second: Floats) -> Floats:
    """Return `first` where it is known; where it is NaN, `second` squeezed below everything known; the rest last.

    >>> nan = np.nan
    >>> behind(np.array([2, nan, nan, nan], np.float32), np.array([5, 7, 6, nan], np.float32)).tolist()
    [2.0, 1.0, 0.0, -2.0]
    """
    missing = np.isnan(first)
    if not missing.any():
        return first
    floor = np.float32(0) if missing.all() else np.nanmin(first)
    return np.where(missing, floor + _below_zero(second), first).astype(np.float32)


def _below_zero(scores: Floats) -> Floats:
    """Return scores moved to −1 and less; what is NaN stands one below all others."""
    known = scores[~np.isnan(scores)]
    if not len(known):
        return np.full_like(scores, -1)
    moved = scores - known.max() - np.float32(1)
    return np.where(np.isnan(scores), known.min() - known.max() - np.float32(2), moved)
