"""From the terms of a list to the list: joins them, narrows what may be shown, asks, says what became of them.

Owns the way from words to masks and back. Never reads a store; a wish without terms costs two comparisons.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from coldframe.domain import Level, RecommendedItem, SlotPolicy
from coldframe.errors import InputError
from coldframe.scoring.request import Request
from coldframe.scoring.ruled import ruled_answer
from coldframe.scoring.rules import Boost, Cap, Pin, Rules
from coldframe.scoring.served import ServedModel, listed
from coldframe.serving.attributes import Attributes, Columns, numerics_of
from coldframe.serving.pages import MarkedRows, first_page, next_page
from coldframe.serving.requests import Wish
from coldframe.serving.terms import Terms, behind
from coldframe.settings import RecommendSettings


class Listed(NamedTuple):
    """A list as it is told: items best first, how they were found, what the caller may not expect, and by which lots
    young items had their slots.
    """

    items: tuple[RecommendedItem, ...]
    level: Level
    notes: tuple[str, ...]
    slots: SlotPolicy | None


def wish_of(asked: Wish, house: Terms, who: str, now: int, limits: RecommendSettings) -> Wish:
    """Return a wish with the shop's own terms joined to the caller's, and the page it asks for opened.

    `who` asks at `now` (µs); with `next`, n = 0 means as many items as the page before had. Raises `InputError` and
    `ExpiredError`.
    """
    own, page = asked.terms, None
    if own.next is not None:
        if asked.exclude or asked.category is not None:
            raise InputError("`next` stands beside other terms.", remedy="Send `next` and `n` alone.")
        page = next_page(own.next, who, asked.n or None, now, limits)
        asked = Wish(page.n, (), page.category, page.terms, page.scenario)
    elif own.pages:
        page = first_page(who, asked.n, asked.exclude, asked.category, own, asked.scenario)
    terms = house.joined(asked.terms)
    if page is None:
        return replace(asked, terms=terms)
    return replace(asked, terms=behind(terms, page.offset), page=replace(page, capped=bool(terms.cap)))


def narrow(request: Request, wish: Wish, attributes: Attributes, marked: MarkedRows) -> None:
    """Take out of a request's own `allowed` what earlier pages showed and what does not meet the filter."""
    if wish.page is not None and request.allowed is not None:
        request.allowed[marked.of(wish.page.marks)] = False
    if wish.terms.filter is not None and request.allowed is not None:
        np.logical_and(request.allowed, attributes.current().meeting(wish.terms.filter), out=request.allowed)


def list_of(model: ServedModel, request: Request, wish: Wish, attributes: Attributes) -> Listed:
    """Return the list of a request that is narrowed already."""
    if not wish.terms.order:
        answer = model.answer(request, wish.n)
        items = listed(answer, model.items, model.expert_names)
    else:
        answer, touched = ruled_answer(model, request, wish.n, rules_of(wish.terms, attributes.current()))
        items = _named(listed(answer, model.items, model.expert_names), touched)
    return Listed(items, answer.level, tuple(_notes(wish, items, attributes)), model.exposure.policy(request))


def rules_of(terms: Terms, columns: Columns) -> Rules:
    """Return the rules that terms mean over the rows of a catalogue; a pin on an unknown item means nothing."""
    row_of = columns.items.row_of
    return Rules(
        pins=tuple(Pin(row_of[item], place - 1) for item, place in terms.pin.items() if item in row_of),
        boosts=tuple(
            Boost(f"boost:{condition}", columns.meeting(condition), factor) for condition, factor in terms.boost.items()
        ),
        caps=tuple(Cap(f"cap:{name}", columns.groups(name), most) for name, most in terms.cap.items()),
        diversity=terms.diversity or 0.0,
    )


def _named(items: Sequence[RecommendedItem], touched: Sequence[tuple[str, ...]]) -> tuple[RecommendedItem, ...]:
    pairs = zip(items, touched, strict=True)
    return tuple(msgspec.structs.replace(item, rules=names) if names else item for item, names in pairs)


def _notes(wish: Wish, items: Sequence[RecommendedItem], attributes: Attributes) -> Iterator[str]:
    """Yield what the caller may not expect: that the list is short, that a pin is missing, a name that nobody has."""
    terms = wish.terms
    if len(items) < wish.n:
        yield f"{len(items)} of {wish.n} items: no more may be shown."
    if terms.pin:
        shown = {item.item_id for item in items}
        for item_id, place in terms.pin.items():
            if item_id not in shown and place <= wish.n:
                yield f"{item_id!r}, pinned at {place}, may not be shown."
    conditions = [*terms.boost, *([] if terms.filter is None else [terms.filter])]
    if conditions or terms.cap:
        named = set(terms.numerics).union(*(numerics_of(condition) for condition in conditions))
        for name in sorted(named - attributes.current().numbers.keys()):
            yield f"No item has {name!r}, which a filter or a rule names."
