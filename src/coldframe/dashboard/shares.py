"""Who made a score: the experts' shares as the segments of a bar, and every expert's own number.

Owns how the page calls and groups experts. The numbers are the engine's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GROUPS: dict[str, Sequence[str]] = {
    "content": ("content", "attributes", "smoothed", "regressed", "bayes"),
    "collaborative": (
        "collaborative",
        "item-item",
        "recent",
        "spectral",
        "svd",
        "walk",
        "stacked",
        "transitions",
    ),
    "popularity": ("popular", "popular-ever", "popular-month", "popular-week", "popular-alike", "trending"),
    "bought before": ("repeat",),
}
"""Segment → the experts in it, in the order of the bar; an expert not listed makes a segment of its own."""
SEEN = 0.005
"""A smaller share is not listed."""


@dataclass(frozen=True)
class Segment:
    """One group's part of a score: `start` and `width` in per cent of the bar, `tone` its place in the palette."""

    label: str
    tone: int
    start: float
    width: float


@dataclass(frozen=True)
class ExpertLine:
    """One expert's calibrated score (None: could not score), what the mixer made of it, and its share in per cent."""

    name: str
    score: float | None
    weight: float | None
    share: float


def segments_of(shares: Mapping[str, float]) -> list[Segment]:
    """Return the segments of a stacked bar, in the order of `GROUPS`, from shares that sum to 1.

    >>> [(s.label, s.start, s.width) for s in segments_of({"trending": 0.25, "item-item": 0.5, "stacked": 0.25})]
    [('collaborative', 0.0, 75.0), ('popularity', 75.0, 25.0)]
    """
    summed: dict[str, float] = {}
    for expert, share in shares.items():
        label = _group_of(expert)
        summed[label] = summed.get(label, 0.0) + share
    known, start = list(GROUPS), 0.0
    segments: list[Segment] = []
    for label in [*(name for name in known if name in summed), *sorted(summed.keys() - GROUPS.keys())]:
        tone = known.index(label) if label in GROUPS else len(known) + sum(s.tone >= len(known) for s in segments)
        segments.append(Segment(label, tone, round(start, 2), round(100 * summed[label], 2)))
        start += 100 * summed[label]
    return segments


def lines_of(
    shares: Mapping[str, float], scores: Mapping[str, float], weights: Mapping[str, float]
) -> list[ExpertLine]:
    """Return the experts with a share worth telling, the largest first.

    >>> lines_of({"content": 0.2, "stacked": 0.8, "trending": 0.0}, {"content": 1.5}, {"content": 0.4})[1]
    ExpertLine(name='content', score=1.5, weight=0.4, share=20.0)
    """
    ordered = sorted(shares, key=lambda name: (-shares[name], name))
    return [
        ExpertLine(name, scores.get(name), weights.get(name), round(100 * shares[name], 2))
        for name in ordered
        if shares[name] >= SEEN
    ]


def _group_of(expert: str) -> str:
    return next((label for label, experts in GROUPS.items() if expert in experts), expert)
