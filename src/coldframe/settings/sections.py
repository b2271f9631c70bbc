"""Every setting: its default, its bounds, its unit and the reason for the default.

Owns the values, one class a section of `coldframe.toml`. Never reads a file or the environment.
"""

from dataclasses import dataclass, field
from typing import Literal

from coldframe.settings.answering import RecommendSettings, ServingSettings
from coldframe.settings.declare import setting
from coldframe.settings.feeds import KafkaSettings
from coldframe.settings.learners import (
    CollaborativeSettings,
    ContentSettings,
    ItemItemSettings,
    MixerSettings,
    PopularitySettings,
    RepeatSettings,
    SpectralSettings,
    TransitionSettings,
    WalkSettings,
)
from coldframe.settings.rules import RulesSettings


def default_event_weights() -> dict[str, float]:
    """Return how much each event type says about liking an item; below zero: dislike."""
    return {
        "view": 0.1,
        "click": 0.3,
        "add_to_cart": 0.6,
        "purchase": 1.0,
        "rating_1": -0.5,
        "rating_2": -0.25,
        "rating_3": 0.25,
        "rating_4": 0.75,
        "rating_5": 1.0,
    }


@dataclass(frozen=True)
class EventSettings:
    """What an event is worth."""

    weights: dict[str, float] = setting(
        default_event_weights(),
        reason="The seed article's map; ratings 2 to 4 interpolate it. A negative weight makes a negative example.",
        unit="weight per event type",
        low=-10.0,
        high=10.0,
    )
    unknown: Literal["reject", "default"] = setting(
        "default", reason="A tracker that adds an event type must not lose data: it counts as default_weight."
    )
    default_weight: float = setting(
        0.1, reason="An unknown type says as little as a view.", unit="weight", low=-10.0, high=10.0
    )
    half_life_days: float = setting(
        0.0, reason="0: no decay; the window alone bounds age.", unit="days", low=0.0, high=36_500.0
    )
    half_lives: dict[str, float] = setting(
        {},
        reason="A type's own half-life; any other type takes half_life_days. 0: no decay.",
        unit="days per event type",
        low=0.0,
        high=36_500.0,
    )
    conversions: list[str] = setting(
        ["purchase"], reason="What the business counts as success; starts and ends time to first conversion."
    )


@dataclass(frozen=True)
class WindowSettings:
    """Which events a training sees."""

    days: int = setting(
        90,
        reason="The seed article's window; old logs stay usable because it ends at the newest event.",
        unit="days",
        low=1,
        high=36_500,
    )


@dataclass(frozen=True)
class NegativeSettings:
    """How examples of indifference are drawn."""

    ratio: int = setting(3, reason="1:3, the seed article's ratio.", unit="negatives per positive", low=1, high=100)
    large_ratio: int = setting(
        10,
        reason="1:10 in very large catalogues, as in the seed article.",
        unit="negatives per positive",
        low=1,
        high=1_000,
    )
    large_catalogue: int = setting(
        100_000, reason="From here on large_ratio replaces ratio.", unit="items", low=1, high=1_000_000_000
    )
    popularity_share: float = setting(
        0.0,
        reason="0: all uniform. Above it, that share is drawn by popularity^0.75: harder, often a taste not yet met.",
        unit="share of negatives",
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True)
class StoreSettings:
    """The embedded store."""

    path: str = setting("coldframe-data", reason="A folder beside coldframe.toml.")
    commit_interval_ms: float = setting(
        2.0,
        reason="How long a group commit waits for company; one fsync then serves them all.",
        unit="milliseconds",
        low=0.0,
        high=1_000.0,
    )
    queue_events: int = setting(
        100_000, reason="Waiting events beyond this are refused with 503.", unit="events", low=100, high=100_000_000
    )
    forgotten_users: Literal["accept", "refuse"] = setting(
        "accept",
        reason="Who comes back after an erasure is a new person; refuse where an id is never given twice.",
    )


@dataclass(frozen=True)
class TrainingSettings:
    """How a training runs."""

    seed: int = setting(0, reason="Same data, seed and settings give the same bytes.", low=0, high=2**63 - 1)
    threads: int = setting(
        2, reason="Set explicitly, so that training leaves room for serving.", unit="threads", low=1, high=1_024
    )
    time_budget_minutes: float = setting(
        0.0,
        reason="0: no end. Otherwise a training leaves out what does not fit in, and names it in the manifest.",
        unit="minutes",
        low=0.0,
        high=10_080.0,
    )


@dataclass(frozen=True)
class ScheduleSettings:
    """When `coldframe run` trains by itself."""

    every_hours: float = setting(
        6.0, reason="The promise: a new model every six hours, from start to start.", unit="hours", low=0.01, high=8_760
    )
    nice: int = setting(
        10, reason="The trainer gives way to the server on the same cores; 0: it does not.", unit="nice", low=0, high=19
    )
    idle: bool = setting(
        True,
        reason="On Linux a request then never waits for the trainer's turn to end. false: where requests keep every "
        "core busy for hours and trainings would not end.",
    )
    retry_minutes: float = setting(
        15.0,
        reason="How long after a training that failed the next may begin: a full disk is no reason to spin.",
        unit="minutes",
        low=0.01,
        high=10_080,
    )
    lease_minutes: float = setting(
        5.0,
        reason="How long after the last sign of life of a trainer another may train; three signs are given meanwhile.",
        unit="minutes",
        low=0.01,
        high=1_440,
    )


@dataclass(frozen=True)
class Settings:
    """Every setting of coldframe."""

    events: EventSettings = field(default_factory=EventSettings)
    window: WindowSettings = field(default_factory=WindowSettings)
    negatives: NegativeSettings = field(default_factory=NegativeSettings)
    collaborative: CollaborativeSettings = field(default_factory=CollaborativeSettings)
    item_item: ItemItemSettings = field(default_factory=ItemItemSettings)
    spectral: SpectralSettings = field(default_factory=SpectralSettings)
    walk: WalkSettings = field(default_factory=WalkSettings)
    transitions: TransitionSettings = field(default_factory=TransitionSettings)
    repeat: RepeatSettings = field(default_factory=RepeatSettings)
    content: ContentSettings = field(default_factory=ContentSettings)
    popularity: PopularitySettings = field(default_factory=PopularitySettings)
    mixer: MixerSettings = field(default_factory=MixerSettings)
    recommend: RecommendSettings = field(default_factory=RecommendSettings)
    rules: RulesSettings = field(default_factory=RulesSettings)
    serving: ServingSettings = field(default_factory=ServingSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
