"""From the terms of a list to the list: narrows what may be shown, and says what became of the terms.

Owns the notes of an answer. Never reads a store; a wish without terms costs one comparison.
"""

from typing import NamedTuple

import numpy as np

from coldframe.domain import Level, RecommendedItem
from coldframe.scoring.request import Request
from coldframe.serving.attributes import Attributes
from coldframe.serving.requests import Wish


class Listed(NamedTuple):
    """A list as it is told: items best first, how they were found, and what the caller may not expect."""

    items: tuple[RecommendedItem, ...]
    level: Level
    notes: tuple[str, ...]


def narrow(request: Request, wish: Wish, attributes: Attributes) -> None:
    """Take out of a request's own `allowed` what does not meet the filter."""
    if wish.terms.filter is not None and request.allowed is not None:
        np.logical_and(request.allowed, attributes.current().meeting(wish.terms.filter), out=request.allowed)


def notes_of(wish: Wish, found: int, attributes: Attributes) -> tuple[str, ...]:
    """Return what the caller may not expect of a list of `found` items: that it is short, or a name nobody has."""
    notes = [] if found >= wish.n else [f"{found} of {wish.n} items: no more may be shown."]
    if wish.terms.filter is not None:
        unheard_of = attributes.current().unheard_of(wish.terms.filter)
        notes += [f"No item has {name!r}, which the filter names." for name in unheard_of]
    return tuple(notes)
