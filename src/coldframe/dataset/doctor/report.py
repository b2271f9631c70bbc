"""What `coldframe doctor` says, as plain data that becomes a table or JSON.

Owns the shape and the definition of each figure. Never measures one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """One problem: a stable name, how bad it is, what was found and what to do."""

    name: str
    severity: Literal["error", "warning", "note"]
    message: str
    remedy: str


@dataclass(frozen=True)
class Volume:
    """How much there is. `density_percent` is distinct (user, item) pairs over all possible ones."""

    events: int
    users: int
    items: int
    pairs: int
    density_percent: float
    catalogue_items: int
    items_without_events: int
    items_without_content: int
    user_records: int
    warm_users: int
    warm_items: int
    new_user_share_per_week: float | None


@dataclass(frozen=True)
class Window:
    """What the training window covers; it ends just after `last_event`."""

    first_event: datetime | None
    last_event: datetime | None
    start: datetime | None
    days: int
    events: int
    users: int
    items: int
    event_share: float


@dataclass(frozen=True)
class EventType:
    """One event type, its share, what it is worth (None: its events are left out) and whether settings name it."""

    name: str
    events: int
    share: float
    weight: float | None
    known: bool


@dataclass(frozen=True)
class Repeats:
    """Events on a pair that the same user already met on an earlier day, and what follows for answers."""

    share: float
    policy: str
    reason: str


@dataclass(frozen=True)
class TrainerView:
    """What a training would see: examples inside the window.

    `positives` are events of weight above zero, `disliked` those below zero, `sampled_negatives` the drawn ones.
    """

    positives: int
    disliked: int
    ignored: int
    ratio: int
    sampled_negatives: int


@dataclass(frozen=True)
class Verdict:
    """The best model for this data today, in one word, and why.

    `half_width` is the half width of the 95 % interval around a hit rate of 10 %, in points, when every warm user
    is a test case: a smaller difference cannot be seen.
    """

    best: str
    reason: str
    half_width: float | None


@dataclass(frozen=True)
class Diagnosis:
    """Everything `coldframe doctor` says."""

    volume: Volume
    window: Window
    users_by_history: dict[str, int]
    items_by_history: dict[str, int]
    event_types: list[EventType]
    repeats: Repeats
    trainer: TrainerView
    problems: list[Problem]
    verdict: Verdict
