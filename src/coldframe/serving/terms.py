"""The terms of one list beyond its length: which items may be on it, and what the shop wants of their order.

Owns their shape, their bounds, and how a caller's terms join the shop's own. What a list holds follows in `listing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coldframe.errors import InputError, SettingsError
from coldframe.serving.expressions import TEXTS, TIMES, parse
from coldframe.settings import RulesSettings

MAX_RULES = 50
"""Most pins, boosts or caps of one list."""
MAX_FACTOR = 1_000.0
NO_GROUPS = ("item_id", *TIMES)
"""What no cap can count by: every item has its own."""


@dataclass(frozen=True)
class Terms:
    """What is asked of one list.

    `filter` is a condition (`expressions`) that every item meets. `pin`: item id → place, from 1. `boost`: condition →
    factor on the score. `cap`: attribute → most items that share a value of it. `diversity`: share of the summed score
    that variety may cost, None where nobody said. `pages` asks for a token of the page after; `next` is one, and says
    all else. Raises `InputError` for what cannot be read or is out of bounds.
    """

    filter: str | None = None
    pin: Mapping[str, int] = field(default_factory=dict[str, int])
    boost: Mapping[str, float] = field(default_factory=dict[str, float])
    cap: Mapping[str, int] = field(default_factory=dict[str, int])
    diversity: float | None = None
    pages: bool = False
    next: str | None = None

    def __post_init__(self) -> None:
        for condition in [*self.boost, *([] if self.filter is None else [self.filter])]:
            parse(condition)
        for what, rules in (("pin", self.pin), ("boost", self.boost), ("cap", self.cap)):
            _require(len(rules) <= MAX_RULES, f"There are {len(rules)} of {what}.", f"Use at most {MAX_RULES}.")
        for name, place in self.pin.items():
            _require(place >= 1, f"pin has {name!r} at place {place}.", "Count places from 1.")
        _require(len(set(self.pin.values())) == len(self.pin), "pin has two items at one place.", "Give each its own.")
        for name, factor in self.boost.items():
            bounds = f"Use a factor from {1 / MAX_FACTOR} to {MAX_FACTOR}."
            _require(1 / MAX_FACTOR <= factor <= MAX_FACTOR, f"boost has {name!r} at {factor}.", bounds)
        for name, most in self.cap.items():
            _require(most >= 1, f"cap has {name!r} at {most}.", "Allow at least one.")
            _require(name not in NO_GROUPS, f"cap has {name!r}, in which all items differ.", "Cap category or tag.")
        told = self.diversity is None or 0 <= self.diversity <= 1
        _require(told, f"diversity is {self.diversity}.", "Use a share from 0 to 1.")
        alone = self.next is None or replace(self, next=None) in (Terms(), Terms(pages=True))
        _require(alone, "`next` stands beside other terms.", "Send `next` and `n` alone: the token has the others.")

    @property
    def order(self) -> bool:
        """Whether anything but the score decides the order."""
        return bool(self.pin or self.boost or self.cap or self.diversity)

    @property
    def numerics(self) -> list[str]:
        """The attributes of the caps that are numerics."""
        return [name for name in self.cap if name not in TEXTS]

    def joined(self, own: "Terms") -> "Terms":
        """Return these terms with a caller's own on top: of two rules for the same thing the caller's counts.

        >>> house = Terms(cap={"category": 2}, diversity=0.1)
        >>> house.joined(Terms(cap={"tag": 1})).cap, house.joined(Terms(diversity=0)).diversity
        ({'category': 2, 'tag': 1}, 0)
        """
        kept = {item: place for item, place in self.pin.items() if place not in own.pin.values()}
        return replace(
            self,
            filter=own.filter,
            pin=kept | dict(own.pin),
            boost={**self.boost, **own.boost},
            cap={**self.cap, **own.cap},
            diversity=self.diversity if own.diversity is None else own.diversity,
        )


def house_terms(rules: RulesSettings) -> Terms:
    """Return the shop's own rules. Raises `SettingsError` for one that cannot be read."""
    try:
        return Terms(pin=rules.pin, boost=rules.boost, cap=rules.cap, diversity=rules.diversity)
    except InputError as error:
        raise SettingsError(f"[rules]: {error.message}", remedy=error.remedy) from error


def _require(holds: bool, what: str, remedy: str) -> None:
    if not holds:
        raise InputError(what, remedy=remedy)


def behind(terms: Terms, offset: int) -> Terms:
    """Return terms as a page sees them that begins after `offset` items: pins before it are over.

    >>> behind(Terms(pin={"a": 2, "b": 12}), 10).pin
    {'b': 2}
    """
    return replace(terms, pin={item: place - offset for item, place in terms.pin.items() if place > offset})


NO_TERMS = Terms()
