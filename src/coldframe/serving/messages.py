"""What requests and answers hold, beyond the nouns of `domain`.

Owns the wire's shapes; every field here is in /openapi.json. Never decides anything.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from coldframe.bundle.registry import BundleInfo
from coldframe.domain import Id, RecommendedItem, Scalar
from coldframe.store.people import Erasure
from coldframe.store.protocol import EventReport


class EventIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event as a caller sends it.

    `user_id` or `session_id` is required. Without `timestamp` it happened when it arrived; without `event_id` a
    fresh one is made, and then sending it again counts it again. `event_type` "rating" with a `value` of 1 to 5
    becomes rating_1 … rating_5.
    """

    item_id: Id
    event_type: Id
    user_id: Id | None = None
    session_id: Id | None = None
    event_id: Id | None = None
    timestamp: datetime | None = None
    value: float | None = None
    recommendation_id: Id | None = None
    position: int | None = None
    context: dict[str, Scalar] = {}


class EventBatch(msgspec.Struct, frozen=True):
    """Several events in one request."""

    events: list[EventIn]


class EventsBody:
    """The body of POST /v1/events: one event, an array of them, or an `EventBatch`; each still as it was sent."""

    def __init__(self, raw: Sequence[Any], *, single: bool) -> None:
        self.raw = raw
        self.single = single

    @classmethod
    def from_json(cls, value: Any) -> "EventsBody":
        """Tell the three forms apart; what is none of them counts as one event, which validation then refuses."""
        if isinstance(value, list):
            return cls(value, single=False)
        if isinstance(value, dict) and isinstance(value.get("events"), list) and len(value) == 1:
            return cls(value["events"], single=False)
        return cls([value], single=True)


class EventsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each event, in the order sent. Accepted and repeated ones are on the disk."""

    accepted: int
    repeated: int
    rejected: int
    events: list[EventReport]


class ItemIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item's description; `item_id` may be left out where the address names it."""

    item_id: Id | None = None
    title: str | None = None
    text: str | None = None
    categories: list[str] = []
    tags: list[str] = []
    numeric: dict[str, float] = {}
    embedding: list[float] | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    available: bool = True


class ItemBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several items; all are stored or none."""

    items: list[ItemIn]


class UserIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One user's record; `user_id` may be left out where the address names it."""

    user_id: Id | None = None
    signed_up_at: datetime | None = None
    attributes: dict[str, Scalar] = {}


class UserBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several users; all are stored or none."""

    users: list[UserIn]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """How many records a write was given, and how many of them differ from what was there."""

    received: int
    changed: int


class PastEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing an anonymous visitor did."""

    item_id: Id
    event_type: Id = "view"
    timestamp: datetime | None = None
    value: float | None = None


class ListRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of one list: docs/lists.md.

    `filter` is a condition that every item meets. `pin`: item id to place, from 1; `boost`: condition to factor; `cap`:
    attribute to the most items that share a value of it; `diversity`: the share of the summed score that variety may
    cost. Each adds to the shop's own rules. With `pages` the answer's `next` leads to the page after it; beside such a
    `next` nothing but `n` is said.
    """

    n: int | None = None
    exclude: list[str] = []
    category: Id | None = None
    filter: str | None = None
    pin: dict[str, int] = {}
    boost: dict[str, float] = {}
    cap: dict[str, int] = {}
    diversity: float | None = None
    pages: bool = False
    next: str | None = None
    scenario: Id = "default"


class AnonymousRequest(ListRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The question of somebody without a user id: what they just did and what is known of them.

    Without `events`, what the store has of the session `session_id` is read instead.
    """

    events: list[PastEvent] | None = None
    attributes: dict[str, Scalar] = {}
    session_id: Id | None = None


class Merge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session and the user who was behind it."""

    session_id: Id
    user_id: Id


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is a user's now; `merged` is false where it was before."""

    session_id: str
    user_id: str
    merged: bool


class Erasures(msgspec.Struct, frozen=True, kw_only=True):
    """Receipts of who was forgotten, newest first."""

    erasures: list[Erasure]


class SimilarItems(msgspec.Struct, frozen=True, kw_only=True):
    """The items nearest to one item, nearest first."""

    item_id: str
    bundle: str
    items: list[RecommendedItem]


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """Every bundle, newest first, and the one that answers now."""

    live: str | None
    models: list[BundleInfo]


class Promoted(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that was promoted, the one that answers now, and how many other workers are not that far."""

    promoted: str
    live: str | None
    behind: int = 0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the service works, and with which bundle."""

    status: str
    bundle: str | None = None
