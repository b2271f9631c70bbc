"""One person as the page shows them: history, list and, for each item, why. Plain values, ready for a template.

Owns the choice of what is shown. Every number comes from the engine's answer and explanation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from coldframe.dashboard.shares import ExpertLine, Segment, lines_of, segments_of
from coldframe.domain import Event, Item, ItemId, Recommendation, UserId
from coldframe.serving.engine import Engine, Explanation, HistoryReason
from coldframe.store.protocol import Store

SHOWN_ITEMS = 10
SHOWN_HISTORY = 40
SHOWN_REASONS = 3

LEVELS = {
    "hybrid": "Each score is a mix: the mixer weighs the experts by how much is known of the customer and the item.",
    "content": "What the customer did carries no collaborative signal, so the products' descriptions decide.",
    "popular": "Nothing is known of this customer yet, so what sells decides.",
}
"""What each fallback level means, for a person."""

VERBS = {"purchase": "bought", "view": "viewed", "click": "viewed", "add_to_cart": "put in the basket"}


@dataclass(frozen=True)
class Product:
    """What a person reads of an item."""

    item_id: str
    title: str
    category: str
    price: float | None


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
    segments: Sequence[Segment]
    experts: Sequence[ExpertLine]
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
    """Ask the engine for one person's list and for the reason of each item. Raises `BundleError` without a bundle.

    A visitor sees the list and can act on it, so an impression is kept; a customer who is only looked up sees nothing.
    """
    events = store.recent_events(UserId(person_id), limit=history_limit)
    shown = events[:SHOWN_HISTORY]
    answer = engine.recommend(person_id, n=SHOWN_ITEMS, scenario="page", shown=is_visitor)
    reasons = engine.explain_many(person_id, [item.item_id for item in answer.items])
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


def _suggestion(position: int, why: Explanation, store: Store) -> Suggestion:
    return Suggestion(
        position=position,
        product=product(why.item_id, store.item(ItemId(why.item_id))),
        score=why.score,
        segments=segments_of(why.shares),
        experts=lines_of(why.shares, why.scores, why.weights),
        reasons=[_reason(reason, store) for reason in why.because_of[:SHOWN_REASONS]],
        item_events=_count(why, "item_interaction_count"),
    )


def _count(why: Explanation, name: str) -> int | None:
    """Return one warmth number; None where it is not known."""
    value = why.warmth.get(name)
    return None if value is None else round(value)


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
