"""What a run of the pipeline is asked for, in plain values that travel to every worker.

Owns the meaning of a run: the same plan over the same events gives the same rows, whoever computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coldframe.dataset.training_set import DAY_US, micros
from coldframe.dataset.weights import event_weight
from coldframe.errors import InputError
from coldframe.settings import Settings


@dataclass(frozen=True)
class Plan:
    """`start` ≤ time < `as_of` (µs since 1970) makes rows; whatever is before `as_of` counts as met.

    `ratio` holds for catalogues below `large_catalogue` items, `large_ratio` from there on. `weights` are signed, by
    event type; a type that is not listed is worth `default_weight`; all of them halve every so many days (0: never).
    `popularity_share` of the negatives are drawn by popularity, the others evenly. `columns` maps our names of columns
    to those of the files, `constants` to what every row has.
    """

    as_of: int
    days: int
    seed: int
    weights: dict[str, float] = field(hash=False)
    default_weight: float
    half_lives: dict[str, float] = field(hash=False)
    half_life_days: float
    ratio: int
    large_ratio: int
    large_catalogue: int
    popularity_share: float
    columns: dict[str, str] = field(default_factory=dict, hash=False)
    constants: dict[str, str] = field(default_factory=dict, hash=False)

    @staticmethod
    def of(
        settings: Settings,
        *,
        as_of: datetime,
        days: int | None = None,
        seed: int | None = None,
        columns: Mapping[str, str] | None = None,
        constants: Mapping[str, str] | None = None,
    ) -> "Plan":
        """Return the plan that the settings describe. Raises `InputError` for a window without a day."""
        days = settings.window.days if days is None else days
        if days < 1:
            raise InputError(f"A window of {days} days holds nothing.", remedy="Ask for at least one day.")
        rule = settings.negatives
        return Plan(
            as_of=micros(as_of),
            days=days,
            seed=settings.training.seed if seed is None else seed,
            weights=dict(sorted(settings.events.weights.items())),
            default_weight=event_weight("", settings),
            half_lives=dict(sorted(settings.events.half_lives.items())),
            half_life_days=settings.events.half_life_days,
            ratio=rule.ratio,
            large_ratio=rule.large_ratio,
            large_catalogue=rule.large_catalogue,
            popularity_share=rule.popularity_share,
            columns=dict(columns or {}),
            constants=dict(constants or {}),
        )

    @property
    def reading(self) -> dict[str, Any]:
        """How the files of this run are read: the arguments of `source.batches` that every pass shares."""
        return {"as_of": self.as_of, "columns": self.columns, "constants": self.constants}

    @property
    def start(self) -> int:
        """When the window begins, µs since 1970."""
        return self.as_of - self.days * DAY_US

    def weight_of(self, event_type: str) -> float:
        """Return what an event of a type is worth, signed."""
        return self.weights.get(event_type, self.default_weight)

    def decay_rate(self, event_type: str) -> float:
        """Return how many times a day the worth of an event of a type halves; 0: never."""
        days = self.half_lives.get(event_type, self.half_life_days)
        return 1 / days if days else 0.0

    def negatives(self, n_items: int) -> int:
        """Return how many negatives each liking event gets."""
        return self.large_ratio if n_items >= self.large_catalogue else self.ratio

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as a manifest holds it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
