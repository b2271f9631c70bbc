"""Settings of the learners: the experts and the mixer.

Owns the values, one class a section of `coldframe.toml`. Never reads a file or the environment.
"""

from dataclasses import dataclass
from typing import Literal

from coldframe.settings.declare import setting


@dataclass(frozen=True)
class CollaborativeSettings:
    """Implicit-feedback matrix factorisation with biases."""

    factors: int = setting(128, reason="The design's default width.", unit="dimensions", low=2, high=1_024)
    regularization: float = setting(
        0.01,
        reason="Ridge per unit of total confidence (frequency-scaled); best on Online Retail's validation slice.",
        unit="",
        low=1e-6,
        high=1e4,
    )
    alpha: float = setting(
        40.0,
        reason="Confidence of a seen pair is 1 + alpha × weight; best on Online Retail's validation slice.",
        unit="",
        low=0.0,
        high=10_000.0,
    )
    epochs: int = setting(8, reason="Gowalla's recall is flat from epoch 6 on.", unit="epochs", low=1, high=200)
    half_life_days: float = setting(
        0.0, reason="0: an old like counts as much as a new one.", unit="days", low=0.0, high=36_500.0
    )


@dataclass(frozen=True)
class ItemItemSettings:
    """Closed-form item-item models: on likes, on likes and content, and carried over to new items."""

    ridge: float = setting(
        2.0,
        reason="In units of the Gram matrix's mean diagonal, so that it fits any size.",
        unit="mean diagonals",
        low=1e-3,
        high=1e4,
    )
    user_exponent: float = setting(
        0.5, reason="A user counts degree^−0.5: heavy users say less per like.", unit="", low=0.0, high=2.0
    )
    dense_items: int = setting(
        12_000, reason="Up to here the exact solution fits in memory.", unit="items", low=2, high=100_000
    )
    kept_dense: int = setting(
        6_000, reason="Up to here a bundle keeps every entry, a byte each (36 MB).", unit="items", low=2, high=100_000
    )
    kept_per_item: int = setting(
        500, reason="Beyond it a bundle keeps the largest entries per item.", unit="entries", low=10, high=10_000
    )
    pairs_per_item: int = setting(
        4_000, reason="Beyond dense_items, others that an item is known to go with.", unit="items", low=10, high=100_000
    )
    neighbours: int = setting(
        150, reason="Size of the system solved per item beyond dense_items.", unit="items", low=10, high=2_000
    )
    neighbour_exponent: float = setting(
        0.4, reason="Neighbours are chosen by co-occurrence × degree^−0.4.", unit="", low=0.0, high=2.0
    )
    half_life_days: float = setting(
        0.0, reason="0: an old like counts as much as a new one.", unit="days", low=0.0, high=36_500.0
    )
    step_decay: float = setting(
        0.6, reason="What the expert of the last moments keeps of each earlier one.", low=0.0, high=1.0
    )
    content_weight: float = setting(
        0.5, reason="Weight of content rows against likes in the stacked model.", unit="mean diagonals", low=0, high=1e4
    )
    content_neighbours: int = setting(
        30, reason="Warm items whose scores an item inherits.", unit="items", low=1, high=1_000
    )
    content_power: float = setting(2.0, reason="Likeness counts as its square.", unit="", low=0.1, high=10.0)
    content_shrink: float = setting(0.3, reason="An item like nothing inherits little.", unit="", low=1e-6, high=100.0)
    regression_neighbours: int = setting(
        100, reason="Warm items that an item is regressed on; twice as many add little.", low=1, high=2_000
    )
    regression_ridge: float = setting(
        1.5, reason="Added to a kernel of cosines; flat around it on citeulike-a.", unit="", low=1e-3, high=1e3
    )


@dataclass(frozen=True)
class SpectralSettings:
    """The linear filter of the normalised Gram matrix."""

    exponent: float = setting(0.4, reason="Normalisation by degree^−0.4 on both sides.", unit="", low=0.0, high=1.0)
    softness: float = setting(0.2, reason="Where damping sets in, in tenths of the largest value.", low=0.0, high=100.0)
    rank: int = setting(512, reason="Directions kept where not all can be had.", unit="dimensions", low=2, high=4_096)
    few: int = setting(64, reason="Directions of the broad strokes.", unit="dimensions", low=1, high=4_096)
    dense_items: int = setting(6_000, reason="Up to here all directions are kept.", unit="items", low=2, high=100_000)
    half_life_days: float = setting(
        0.0, reason="0: an old like counts as much as a new one.", unit="days", low=0.0, high=36_500.0
    )


@dataclass(frozen=True)
class WalkSettings:
    """The short random walk from items to users to items."""

    start: float = setting(0.6, reason="A popular item of the past says less.", unit="", low=0.0, high=2.0)
    user_exponent: float = setting(0.7, reason="A heavy user says less per like.", unit="", low=0.0, high=2.0)
    end: float = setting(0.4, reason="A popular item is reached easily and counts less.", unit="", low=0.0, high=2.0)
    half_life_days: float = setting(
        0.0, reason="0: an old like counts as much as a new one.", unit="days", low=0.0, high=36_500.0
    )


@dataclass(frozen=True)
class TransitionSettings:
    """What follows what in a user's own order."""

    decay: float = setting(0.7, reason="Each further step between two items counts this much less.", low=0.0, high=1.0)
    backward: float = setting(0.7, reason="What came before counts this much of what comes after.", low=0.0, high=1.0)
    exponent: float = setting(0.8, reason="An item that precedes much says less of each.", low=0.0, high=2.0)
    step_decay: float = setting(0.3, reason="The last visit counts most; each earlier one less.", low=0, high=1)
    reach: int = setting(50, reason="Events between two items at most.", unit="events", low=1, high=1_000)
    max_steps: int = setting(50, reason="Moments between two items at most.", unit="moments", low=1, high=1_000)


@dataclass(frozen=True)
class RepeatSettings:
    """What people come back for."""

    half_life_days: float = setting(
        60.0, reason="A refill of two months ago counts half.", unit="days", low=0.0, high=36_500.0
    )
    least_share: float = setting(
        0.01, reason="With fewer returning pairs there is nothing to learn.", unit="share of pairs", low=0.0, high=1.0
    )


@dataclass(frozen=True)
class ContentSettings:
    """The tower over categories, tags, hashed text and numerics."""

    hidden: int = setting(256, reason="The seed article's first layer.", unit="units", low=4, high=4_096)
    dim: int = setting(128, reason="The seed article's output width.", unit="dimensions", low=2, high=1_024)
    text_buckets: int = setting(
        16_384,
        reason="Hashed words; collisions stay rare below 20 k distinct words.",
        unit="buckets",
        low=256,
        high=4_194_304,
    )
    length_exponent: float = setting(
        0.0, reason="0: an item described at length counts like one of few words.", low=0.0, high=1.0
    )
    l2: float = setting(1e-6, reason="The seed article's penalty.", unit="", low=0.0, high=1.0)
    epochs: int = setting(3, reason="Enough for the loss to flatten on Online Retail.", unit="epochs", low=1, high=500)
    learning_rate: float = setting(
        0.003, reason="Adam; 0.001 is far behind, 0.01 unstable.", unit="", low=1e-6, high=1.0
    )
    half_life_days: float = setting(
        0.0, reason="0: an old like counts as much as a new one.", unit="days", low=0.0, high=36_500.0
    )


@dataclass(frozen=True)
class PopularitySettings:
    """What is popular, over how long."""

    recent_days: int = setting(
        30,
        reason="Recent popularity beats all-time popularity on every time split measured.",
        unit="days",
        low=1,
        high=3_650,
    )


@dataclass(frozen=True)
class MixerSettings:
    """The network that weighs the experts."""

    form: Literal["auto", "blend", "bucket", "gate", "network", "trees", "mean", "softmax"] = setting(
        "auto",
        reason="No form wins everywhere: auto takes the one that is best on later data it was not fitted on. "
        "softmax is the seed article's; it loses to a plain switch on cold items.",
    )
    experts: list[str] = setting([], reason="Names of the experts to fit; empty: all that the data can teach.")
    hidden: int = setting(64, reason="The seed article's layer.", unit="units", low=2, high=1_024)
    dropout: float = setting(
        0.1,
        reason="The seed article's 0.3 costs the full network more than it gains (benchmarks/README.md).",
        unit="probability",
        low=0.0,
        high=0.95,
    )
    epochs: int = setting(
        120, reason="Stops earlier when its own held-out part stops improving.", unit="epochs", low=1, high=1_000
    )
    learning_rate: float = setting(0.003, reason="Adam.", unit="", low=1e-6, high=1.0)
    holdout: float = setting(
        0.15,
        reason="Share of the window's time, its end, that the experts do not see while the mixer learns.",
        unit="share of events",
        low=0.01,
        high=0.5,
    )
    candidates: int = setting(
        100,
        reason="Best items taken from each expert; their union is mixed.",
        unit="items per expert",
        low=10,
        high=10_000,
    )
    max_requests: int = setting(
        1_000,
        reason="Later requests to learn from, spread over the slice: a training in a minute.",
        unit="requests",
        low=50,
        high=1_000_000,
    )
    check: float = setting(
        0.3,
        reason="Share of the later requests, their end, on which forms and simpler models are compared.",
        unit="share of requests",
        low=0.05,
        high=0.8,
    )
