"""One person as the page shows them: history, list and, for each item, why. Plain values, ready for a template.

Owns the choice of what is shown. Every number comes from the engine's answer and explanation.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from coldframe.domain import Event, Item, ItemId, Recommendation, UserId
from coldframe.serving.engine import Engine, Explanation, HistoryReason
from coldframe.store.protocol import Store

SHOWN_ITEMS = 10
SHOWN_HISTORY = 40
SHOWN_REASONS = 3

EXPERTS: dict[str, tuple[str, int]] = {
    "content": ("content", 0),
    "collaborative": ("collaborative", 1),
    "popular": ("popularity", 2),
    "popularity": ("popularity", 2),
    "recent-popular": ("recent popularity", 3),
    "recent": ("recent popularity", 3),
    "repeat": ("bought before", 4),
}
"""How the page calls an expert and which tone paints it, in the order of the bar.

An expert not listed keeps its own name, comes last and gets a further tone."""
LEVELS = {
    "hybrid": "Each score is a mix: the gate weighs the experts by how much is known of the customer and the item.",
    "content": "What the customer did carries no collaborative signal, so the products' descriptions decide.",
    "popular": "Nothing is known of this customer yet, so what sells decides.",
}
"""What each fallback level means, for a person."""

FIRST_FREE_TONE = 5

VERBS = {"purchase": "bought", "view": "viewed", "click": "viewed", "add_to_cart": "put in the basket"}


@dataclass(frozen=True)
class Product:
    """What a person reads of an item."""

    item_id: str
    title: str
    category: str
    price: float | None


@dataclass(frozen=True)
class Share:
    """One expert's part of a score: `start` and `width` in per cent of the bar, `tone` its place in the palette."""

    label: str
    tone: int
    start: float
    width: float


@dataclass(frozen=True)
class Reason:
    """One event of the history that speaks for the item; `similarity` in −1 … 1."""

    title: str
    verb: str
    day: datetime
    similarity: float


@dataclass(frozen=True)
class Suggestion:
    """One slot of the list with its reasons."""

    position: int
    product: Product
    score: float
    shares: Sequence[Share]
    reasons: Sequence[Reason]
    item_events: int | None


@dataclass(frozen=True)
class Day:
    """The products of one day of a history, with what was done to them."""

    day: datetime
    entries: Sequence[tuple[str, Product]]


@dataclass(frozen=True)
class PersonView:
    """Everything the page shows of one person."""

    person_id: str
    is_visitor: bool
    history: Sequence[Day]
    n_events: int
    n_shown: int
    days_since_signup: int | None
    answer: Recommendation
    suggestions: Sequence[Suggestion]


def person_view(engine: Engine, store: Store, person_id: str, *, is_visitor: bool, history_limit: int) -> PersonView:
    """Ask the engine for one person's list and for the reason of each item. Raises `BundleError` without a bundle."""
    events = store.recent_events(UserId(person_id), limit=history_limit)
    shown = events[:SHOWN_HISTORY]
    answer = engine.recommend(person_id, n=SHOWN_ITEMS, scenario="page")
    reasons = [engine.explain(person_id, item.item_id) for item in answer.items]
    return PersonView(
        person_id=person_id,
        is_visitor=is_visitor,
        history=_days(shown, store),
        n_events=len(events),
        n_shown=len(shown),
        days_since_signup=_count(reasons[0], "days_since_signup") if reasons else None,
        answer=answer,
        suggestions=[_suggestion(position, why, store) for position, why in enumerate(reasons, 1)],
    )


def product(item_id: str, item: Item | None) -> Product:
    """Return what a person reads of an item; one that left the catalogue is called by its id."""
    if item is None:
        return Product(item_id, item_id, "", None)
    return Product(item_id, item.title or item_id, ", ".join(item.categories), item.numeric.get("price"))


def shares_of(shares: Mapping[str, float]) -> list[Share]:
    """Return the segments of a stacked bar, in the order of `EXPERTS`, from shares that sum to 1.

    >>> [(s.label, s.start, s.width) for s in shares_of({"popular": 0.25, "content": 0.75})]
    [('content', 0.0, 75.0), ('popularity', 75.0, 25.0)]
    """
    segments: list[Share] = []
    start, further = 0.0, FIRST_FREE_TONE
    for name in sorted(shares, key=_place):
        label, tone = EXPERTS.get(name, (name, further))
        further += name not in EXPERTS
        segments.append(Share(label, tone, round(start, 2), round(100 * shares[name], 2)))
        start += 100 * shares[name]
    return segments


def _place(expert: str) -> tuple[int, str]:
    listed = list(EXPERTS)
    return (listed.index(expert) if expert in EXPERTS else len(listed), expert)


def _suggestion(position: int, why: Explanation, store: Store) -> Suggestion:
    return Suggestion(
        position=position,
        product=product(why.item_id, store.item(ItemId(why.item_id))),
        score=why.score,
        shares=shares_of(why.shares),
        reasons=[_reason(reason, store) for reason in why.because_of[:SHOWN_REASONS]],
        item_events=_count(why, "item_interaction_count"),
    )


def _count(why: Explanation, name: str) -> int | None:
    """Return one warmth number; None where it is not known."""
    value = why.warmth.get(name, -1.0)
    return round(value) if math.isfinite(value) and value >= 0 else None


def _reason(reason: HistoryReason, store: Store) -> Reason:
    title = product(reason.item_id, store.item(ItemId(reason.item_id))).title
    moment = datetime.fromisoformat(reason.timestamp)
    return Reason(title, VERBS.get(reason.event_type, reason.event_type), moment, reason.similarity)


def _days(events: Iterable[Event], store: Store) -> list[Day]:
    grouped = groupby(events, key=lambda event: event.timestamp.date())
    return [_day(list(of_day), store) for _, of_day in grouped]


def _day(events: Sequence[Event], store: Store) -> Day:
    entries = [
        (VERBS.get(event.event_type, event.event_type), product(event.item_id, store.item(ItemId(event.item_id))))
        for event in events
    ]
    return Day(events[0].timestamp, entries)
