"""An answer under rules: which candidates, in which order, and which rule is why.

Owns the order of the rules: boosts change scores, caps choose, variety trades, lots give young items their slots, pins
stand. Without rules nobody asks this module (`ServedModel.answer`).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from coldframe.dataset.training_set import Bags, Bools, Floats, Rows
from coldframe.scoring.diversity import diversified
from coldframe.scoring.exposure import is_young
from coldframe.scoring.hybrid import Mixed, ask, shares
from coldframe.scoring.ranking import best_rows
from coldframe.scoring.request import Request
from coldframe.scoring.rules import Places, Room, Rules, boosted, capped, with_pins
from coldframe.scoring.served import Answer, ServedModel, followed
from coldframe.scoring.space import in_space

POOL = 50
"""Candidates that variety chooses from, beyond three lists' lengths; under caps it has all."""


class Ruled(NamedTuple):
    """An answer in the order of its list, and for each item the names of the rules that touched it.

    `pin`; a boost's name where it changed the score; a cap's, and `diversity`, where the item stands for another one.
    """

    answer: Answer
    touched: tuple[tuple[str, ...], ...]


def ruled_answer(model: ServedModel, request: Request, n: int, rules: Rules) -> Ruled:
    """Return at most `n` allowed items under rules; scores are the mixer's, before any boost.

    Where the candidates are used up, the list goes on with the best of the rest, under the same boosts and caps.
    """
    parts = [_part(model, request, n, rules, ())]
    shown: list[int] = parts[0].answer.items.tolist()
    while len(parts[-1].answer.items) and len(shown) < n:
        rules = replace(rules, pins=(), diversity=0.0)
        request = replace(request, allowed=_left(model, request, rules, shown))
        parts.append(_part(model, request, n - len(shown), rules, shown))
        shown += parts[-1].answer.items.tolist()
    filled = [part for part in parts if len(part.answer.items)] or parts
    return Ruled(
        reduce(followed, [part.answer for part in filled]), tuple(names for part in filled for names in part.touched)
    )


def _part(model: ServedModel, request: Request, n: int, rules: Rules, before: Sequence[int]) -> Ruled:
    """Return as much of a list as the candidates give, after the rows `before`."""
    mixed = _mixed(model, request, rules)
    rows = mixed.evidence.items
    place_of = {int(row): place for place, row in enumerate(rows)}
    pins = [(place_of[pin.row], pin.place) for pin in rules.pins if pin.row in place_of and pin.place < n]
    taken = [*before, *(int(rows[place]) for place, _ in pins)]
    listing = _Listing(model, request, mixed, rules, n - len(pins), taken, frozenset(place for place, _ in pins))
    shown, likely, why = listing.made()
    places = np.array(with_pins(shown, pins), np.int64)
    answer = Answer(
        rows[places],
        mixed.scores[places],
        shares(model.hybrid.contributions(mixed, places)),
        model.hybrid.level(mixed),
        np.array([likely.get(place, 1.0) for place in places.tolist()], np.float32),
    )
    return Ruled(answer, tuple(("pin",) if place in listing.pinned else why[place] for place in places.tolist()))


class _Listing(NamedTuple):
    """What chooses the `n` candidates beside the pinned ones, and is left of it to say why."""

    model: ServedModel
    request: Request
    mixed: Mixed
    rules: Rules
    n: int
    taken: Sequence[int]
    pinned: frozenset[int]

    def made(self) -> tuple[Places, dict[int, float], dict[int, tuple[str, ...]]]:
        """Return the places shown, how likely each was, and the rules that touched it."""
        rows = self.mixed.evidence.items
        scores = boosted(self.mixed.scores, rows, self.rules.boosts)
        order = best_rows(np.arange(len(rows)), scores, len(rows), self.request.now).tolist()
        free = [place for place in order if place not in self.pinned]
        room = self._room()
        kept = capped(free, rows, self.n, room)
        varied = self._varied(kept, free, scores)
        shown, likely = self._slots(varied, free)
        return shown, likely, {place: self._why(place, free[: self.n], kept, varied, room.refused) for place in shown}

    def _room(self) -> Room:
        return Room(self.rules.caps, self.taken)

    def _varied(self, kept: Places, free: Places, scores: Floats) -> Places:
        if not self.rules.diversity or len(kept) < self.n:
            return kept
        rows = self.mixed.evidence.items
        pool = free if self.rules.caps else free[: 3 * self.n + POOL]
        alike = alikeness(self.model, rows[pool])
        return diversified(kept, pool, scores, alike, rows, self.rules.diversity, self._room)

    def _slots(self, shown: Places, free: Places) -> tuple[Places, dict[int, float]]:
        """Give young items the slots that the policy draws for them, where the caps leave room."""
        exposure, rows = self.model.exposure, self.mixed.evidence.items
        if not exposure.share:
            return shown, {}
        inside, room = set(shown), Room(self.rules.caps, [*self.taken, *rows[shown].tolist()])
        young = is_young(self.mixed.evidence)
        order = [*shown, *(place for place in free if place not in inside and young[place] and room.took(rows[place]))]
        flags = young[order]
        drawn = exposure.slots(-np.arange(len(order), dtype=np.float32), flags, len(shown), self.request)
        places = [order[at] for at in drawn.places.tolist()]
        return places, dict(zip(places, drawn.propensities.tolist(), strict=True))

    def _why(self, place: int, best: Places, kept: Places, varied: Places, refused: Sequence[str]) -> tuple[str, ...]:
        row = int(self.mixed.evidence.items[place])
        names = [boost.name for boost in self.rules.boosts if boost.meets[row]]
        if place in kept and place not in best:
            names += refused
        if place in varied and place not in kept:
            names.append("diversity")
        return tuple(names)


def alikeness(model: ServedModel, rows: Rows) -> Floats:
    """Return the cosine of every two items, float32 [n, n]: the mean of the spaces that know both; where none does, 1
    for a category in common and else 0.
    """
    total, known = np.zeros((len(rows), len(rows)), np.float32), np.zeros((len(rows), len(rows)), np.float32)
    for space in filter(None, map(in_space, model.hybrid.experts)):
        unit = space.unit_of(rows)
        total += unit @ unit.T
        inside = space.inside[rows].astype(np.float32)
        known += np.outer(inside, inside)
    mean = total / np.maximum(known, 1)
    return np.where(known > 0, np.clip(mean, -1, 1), _in_common(model.categories, rows)).astype(np.float32)


def _in_common(groups: Bags, rows: Rows) -> Floats:
    """Return 1 where two items share a group and else 0, float32 [n, n]."""
    member = np.zeros((len(rows), groups.n_features), np.float32)
    for place, row in enumerate(rows):
        member[place, groups.row(int(row))] = 1
    return (member @ member.T > 0).astype(np.float32)


def _mixed(model: ServedModel, request: Request, rules: Rules) -> Mixed:
    """Return the usual candidates, the best of every boost that raises, and the pinned items, with their scores."""
    hybrid, opinions = model.hybrid, ask(model.hybrid.experts, request)
    allowed = _allowed(model, request)
    found = [hybrid.candidates(request, opinions)]
    for boost in rules.boosts:
        if boost.factor > 1:
            found.append(hybrid.candidates(replace(request, allowed=allowed & boost.meets), opinions))
    found.append(np.array([pin.row for pin in rules.pins if allowed[pin.row]], np.int32))
    return hybrid.mix_rows(request, opinions, np.unique(np.concatenate(found)).astype(np.int32))


def _allowed(model: ServedModel, request: Request) -> Bools:
    return np.ones(len(model.items), np.bool_) if request.allowed is None else request.allowed


def _left(model: ServedModel, request: Request, rules: Rules, shown: Sequence[int]) -> Bools:
    """Return what may still be shown after some rows, bool [n_items]."""
    allowed = _allowed(model, request).copy()
    allowed[shown] = False
    left = Room(rules.caps, shown).left()
    return allowed if left is None else allowed & left
