"""The nouns of the system: events, items, users, impressions, recommendations.

Owns the shape of one of each and the difference between an id a company uses (a string)
and the row our arrays use (an int). Never reads a file, a clock or a random number.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, NewType

import msgspec

UserId = NewType("UserId", str)
"""A company's own id of a user; a session id stands in for a visitor without one."""
ItemId = NewType("ItemId", str)
"""A company's own id of an item."""
UserRow = NewType("UserRow", int)
"""Position of a user in a vocabulary, 0 ≤ row < n_users."""
ItemRow = NewType("ItemRow", int)
"""Position of an item in a vocabulary, 0 ≤ row < n_items."""

MAX_ID_BYTES = 512
"""Longest id, tag, category or event type, in UTF-8 bytes."""
MAX_TEXT_CHARS = 100_000
"""Longest free text of an item, in characters."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_BYTES)]
Scalar = str | float | bool
Level = Literal["hybrid", "content", "popular"]
"""How an answer was made: by the mixer, by content alone, or by popularity alone."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a user did to an item. Append-only: a repeat is another event.

    `timestamp` is timezone-aware UTC. Exactly one of `user_id` and `session_id` is required;
    both may be given. `event_id` is the idempotency key: one id counts once.
    """

    event_id: Id
    item_id: Id
    event_type: Id
    timestamp: datetime
    user_id: Id | None = None
    session_id: Id | None = None
    value: float | None = None
    recommendation_id: Id | None = None
    position: int | None = None
    context: dict[str, Scalar] = {}

    @property
    def actor_id(self) -> UserId:
        """The user, or the session standing in for one."""
        actor = self.user_id or self.session_id
        if actor is None:
            raise ValueError("an event has a user_id or a session_id")
        return UserId(actor)


class Past(NamedTuple):
    """What a model is told of somebody's events, oldest first: parallel columns, times in µs since 1970.

    `serial` is that of the newest event of anybody which the store had accepted by then.
    """

    item_ids: Sequence[str] = ()
    event_types: Sequence[str] = ()
    timestamps: Sequence[int] = ()
    serial: int = 0

    def chosen(self, places: Sequence[int]) -> "Past":
        """Return some of the events."""
        kinds, times = self.event_types, self.timestamps
        items = [self.item_ids[at] for at in places]
        return Past(items, [kinds[at] for at in places], [times[at] for at in places], self.serial)


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that can be recommended, described by whatever is known of it."""

    item_id: Id
    title: str | None = None
    text: str | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    numeric: dict[str, float] = {}
    embedding: tuple[float, ...] | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    available: bool = True


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One user: when they signed up and what they told us."""

    user_id: Id
    signed_up_at: datetime | None = None
    attributes: dict[str, Scalar] = {}


class RecommendedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One slot of an answer.

    `mixer_weights` are the experts' shares of this item's score: non-negative, summing to 1.
    `propensity` is the probability that the slot policy showed this item here (1.0: no chance involved).
    `rules` name what touched it beside its score: `pin`, `boost:CONDITION`, `cap:ATTRIBUTE`, `diversity`.
    """

    item_id: str
    score: float
    mixer_weights: dict[str, float] = {}
    propensity: float = 1.0
    rules: tuple[str, ...] = ()


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: an ordered list, the bundle that made it and how. `notes` say what the caller may not expect.

    `next` asks for the page after this one; None where no pages were asked for or the list has ended.
    """

    recommendation_id: str
    items: tuple[RecommendedItem, ...]
    bundle: str
    level: Level
    user_id: str | None = None
    notes: tuple[str, ...] = ()
    next: str | None = None


class SlotPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """By which lots a list gave slots to young items (`scoring.exposure`): enough to draw them again.

    Every `every`-th place is drawn, and won with probability `share` × `every` (at most 1); `seed` makes the lots.
    """

    share: float
    every: int
    seed: tuple[int, int]


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a list was made from beside its bundle and the log (`serving.replay`).

    `n` … `diversity` are the terms as they held, the shop's own among them, and `marks` what `serving.pages` remembers.
    `attributes` and `signed_up_at` are what was known of the user. The events known were those up to serial `past`, the
    events counted per item those up to `counts`, the catalogue was version `catalogue`; `settings` is a digest of those
    that an answer depends on. `unkept`: the caller said what the visitor did or is, which is never stored.
    """

    n: int
    past: int
    counts: int
    catalogue: int
    settings: str
    exclude: tuple[str, ...] = ()
    category: str | None = None
    filter: str | None = None
    pin: dict[str, int] = {}
    boost: dict[str, float] = {}
    cap: dict[str, int] = {}
    diversity: float | None = None
    marks: bytes = b""
    attributes: dict[str, Scalar] = {}
    signed_up_at: datetime | None = None
    unkept: bool = False


class Impression(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One delivered list, as it was shown; outcomes join it by `recommendation_id`.

    The parallel tuples `items`, `scores`, `propensities` and `mixer_weights` have one entry per position, and so has
    `rules`, unless no rule touched any of them. A page after the first names the `first` one's recommendation_id and
    how many items stood before it (`offset`). `slots` is None where no lot was drawn. `asked` is what it takes to make
    the list again; None on lists of before it was kept.
    """

    recommendation_id: str
    timestamp: datetime
    items: tuple[str, ...]
    scores: tuple[float, ...]
    propensities: tuple[float, ...]
    mixer_weights: tuple[dict[str, float], ...]
    bundle: str
    level: Level
    user_id: str | None = None
    session_id: str | None = None
    variant: str = "default"
    scenario: str = "default"
    rules: tuple[tuple[str, ...], ...] = ()
    first: str | None = None
    offset: int = 0
    slots: SlotPolicy | None = None
    asked: Asked | None = None
