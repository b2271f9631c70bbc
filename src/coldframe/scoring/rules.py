"""What a shop asks of a list besides the best: pins, boosts, caps, variety. Arrays in, an order out.

Owns what each rule does to scores and to places. Which rules there are, and in what words, is `serving`'s business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, Bools, Floats, Rows

Places = list[int]
"""Places among a request's candidates, in the order of a list."""


class Boost(NamedTuple):
    """The items of a mask, bool [n_items], and their `factor` > 0; `name` is what an answer calls the rule."""

    name: str
    meets: Bools
    factor: float


class Cap(NamedTuple):
    """A list holds at most `most` items of each group; `groups` are those of every item."""

    name: str
    groups: Bags
    most: int


class Pin(NamedTuple):
    """An item row that stands at a place of the list, counted from 0, whatever its score."""

    row: int
    place: int


@dataclass(frozen=True)
class Rules:
    """The rules of one list: pins of different rows at different places; `diversity` is the share of the summed score
    that variety may cost, 0 … 1.
    """

    pins: tuple[Pin, ...] = ()
    boosts: tuple[Boost, ...] = ()
    caps: tuple[Cap, ...] = ()
    diversity: float = 0.0


class Room:
    """How many more items of each group a list may hold."""

    def __init__(self, caps: Sequence[Cap], taken: Iterable[int] = ()) -> None:
        self._caps = caps
        self._held: list[dict[int, int]] = [{} for _ in caps]
        self._refused: dict[str, None] = {}
        for row in taken:
            self.take(row)

    @property
    def refused(self) -> tuple[str, ...]:
        """Names of the caps that there was no room under for some item."""
        return tuple(self._refused)

    def has(self, row: int) -> bool:
        """Return whether an item would keep to every cap."""
        full = [
            cap.name
            for cap, held in zip(self._caps, self._held, strict=True)
            if any(held.get(group, 0) >= cap.most for group in cap.groups.row(row).tolist())
        ]
        self._refused |= dict.fromkeys(full)
        return not full

    def take(self, row: int) -> None:
        """Count an item in."""
        for cap, held in zip(self._caps, self._held, strict=True):
            for group in cap.groups.row(row).tolist():
                held[group] = held.get(group, 0) + 1

    def took(self, row: int) -> bool:
        """Count an item in where there is room for it; return whether there was."""
        found = self.has(row)
        if found:
            self.take(row)
        return found

    def left(self) -> Bools | None:
        """Return the items that would keep to every cap, bool [n_items]; None without caps."""
        masks = [
            _without(cap.groups, [group for group, count in held.items() if count >= cap.most])
            for cap, held in zip(self._caps, self._held, strict=True)
        ]
        return np.logical_and.reduce(masks) if masks else None


def boosted(scores: Floats, rows: Rows, boosts: Sequence[Boost]) -> Floats:
    """Return scores [n] of item rows, each raised by ln(factor) deviations of them all for every boost it meets.

    A mixer's scores have no zero and no unit of their own, so a factor is one on the odds of a score whose deviation is
    1: above 1 it raises, below 1 it lowers, several multiply. Where all are equal the deviation counts as 1.

    >>> sale = Boost("sale", np.array([True, False]), 2.0)
    >>> [round(float(score), 2) for score in boosted(np.array([-3.0, -1.0], np.float32), np.array([0, 1]), [sale])]
    [-2.31, -1.0]
    """
    if not boosts or not len(rows):
        return scores
    raised = np.zeros(len(rows))
    for boost in boosts:
        raised[boost.meets[rows]] += np.log(boost.factor)
    return (scores + raised * (float(scores.std(dtype=np.float64)) or 1.0)).astype(np.float32)


def capped(order: Iterable[int], rows: Rows, n: int, room: Room) -> Places:
    """Return the first `n` places of an order that keep to the caps. `room` is filled."""
    shown: Places = []
    for place in order:
        if len(shown) == n:
            break
        if room.took(int(rows[place])):
            shown.append(place)
    return shown


def with_pins(shown: Places, pins: Sequence[tuple[int, int]]) -> Places:
    """Return a list with (candidate, place) pairs inserted, lower places first; one beyond the end comes last.

    >>> with_pins([7, 8, 9], [(5, 9), (6, 1)])
    [7, 6, 8, 9, 5]
    """
    found = list(shown)
    for candidate, place in sorted(pins, key=lambda pin: pin[1]):
        found.insert(place, candidate)
    return found


def _without(groups: Bags, full: Sequence[int]) -> NDArray[np.bool_]:
    """Return the rows that are in none of some groups, bool [n_rows]."""
    kept = np.ones(len(groups), np.bool_)
    row_of = np.repeat(np.arange(len(groups)), groups.sizes)
    kept[row_of[np.isin(groups.indices, full)]] = False
    return kept
