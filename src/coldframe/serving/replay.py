"""A past answer made again: the same question to the same bundle, and what comes back beside what was shown.

Owns the comparison, and the reasons why a list may differ. Never writes, and never promotes a bundle.
"""

from collections.abc import Iterator
from math import isclose
from typing import Any

import msgspec

from coldframe.bundle.registry import Registry
from coldframe.dataset.training_set import micros
from coldframe.domain import Asked, Impression
from coldframe.errors import BundleError, InputError, UnknownIdError
from coldframe.serving.kept import digest, forgotten_since, person_then, wish_then
from coldframe.serving.listing import Listed
from coldframe.serving.live import LiveModel, open_live
from coldframe.settings import Settings
from coldframe.store.protocol import Store

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""How far two scores, shares or propensities may lie apart and count as the same: another machine rounds otherwise."""

Told = str | float | list[str] | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first place where a list differs, from 1; 0: not in one place but as a whole. None: there is nothing."""

    place: int
    what: str
    shown: Told
    replayed: Told


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What became of making an answer again. `reasons` say why it may differ; empty where nothing is known to."""

    recommendation_id: str
    bundle: str
    items: int
    same: bool
    difference: Difference | None = None
    reasons: tuple[str, ...] = ()


def replay(recommendation_id: str, store: Store, registry: Registry, settings: Settings) -> Replay:
    """Make a past answer again and compare it with what was shown.

    Raises `UnknownIdError` for a list that is not kept, `InputError` for one that cannot be asked again, and
    `BundleError` where its bundle is gone or damaged.
    """
    impression, asked = _kept(store, recommendation_id)
    live = _opened(impression.bundle, store, registry, settings)
    live.counts.read(asked.counts)
    person = person_then(store, impression, asked, limit=settings.recommend.history)
    made = live.answer(person, wish_then(impression, asked), micros(impression.timestamp)).listed
    difference = next(_differences(impression, made), None)
    return Replay(
        recommendation_id=recommendation_id,
        bundle=impression.bundle,
        items=len(impression.items),
        same=difference is None,
        difference=difference,
        reasons=() if difference is None else tuple(_reasons(store, impression, asked, settings)),
    )


def _kept(store: Store, recommendation_id: str) -> tuple[Impression, Asked]:
    impression = store.impression(recommendation_id)
    if impression is None:
        raise UnknownIdError(
            f"No list {recommendation_id!r} is kept.",
            remedy="Check the id. Lists of a user who was forgotten are gone, and `shown` false leaves none.",
        )
    if impression.asked is None:
        raise InputError(
            f"List {recommendation_id!r} was kept without what it was asked for, by an earlier coldframe.",
            remedy="Replay one that was made since the upgrade.",
        )
    if impression.asked.unkept:
        raise InputError(
            f"List {recommendation_id!r} was made from events or attributes in the request, which are never stored.",
            remedy="Only lists made from stored events can be replayed.",
        )
    return impression, impression.asked


def _opened(bundle_id: str, store: Store, registry: Registry, settings: Settings) -> LiveModel:
    try:
        return open_live(registry.open(bundle_id), store, settings, threads=1)
    except UnknownIdError as error:
        raise BundleError(
            f"Bundle {bundle_id}, which made the list, is not there any more: it was pruned.",
            remedy="Restore its folder from a backup.",
        ) from error


def _differences(shown: Impression, made: Listed) -> Iterator[Difference]:
    """Yield where two lists differ, from the first place on."""
    for place, (item_id, item) in enumerate(zip(shown.items, made.items, strict=False)):
        pairs: dict[str, tuple[Any, Any]] = {
            "item": (item_id, item.item_id),
            "score": (shown.scores[place], item.score),
            "propensity": (shown.propensities[place], item.propensity),
            "rules": (list(shown.rules[place]) if shown.rules else [], list(item.rules)),
        }
        then, now = shown.mixer_weights[place], item.mixer_weights
        pairs |= {f"share of {name}": (then.get(name, 0.0), now.get(name, 0.0)) for name in sorted({*then, *now})}
        yield from _unlike(place + 1, pairs)
    length = (float(len(shown.items)), float(len(made.items)))
    lots = (_text(shown.slots), _text(made.slots))
    yield from _unlike(0, {"length": length, "level": (shown.level, made.level), "lots": lots})


def _unlike(place: int, pairs: dict[str, tuple[Any, Any]]) -> Iterator[Difference]:
    for what, (then, now) in pairs.items():
        if not _alike(then, now):
            yield Difference(place=place, what=what, shown=then, replayed=now)


def _alike(then: Any, now: Any) -> bool:
    """Return whether two values are the same, numbers up to rounding.

    >>> _alike(0.5, 0.5000001), _alike(0.5, 0.6), _alike("a", "b"), _alike(["pin"], ["pin"])
    (True, False, False, True)
    """
    if isinstance(then, float) and isinstance(now, float):
        return isclose(then, now, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return then == now


def _text(lots: Any) -> str | None:
    return None if lots is None else msgspec.json.encode(lots).decode()


def _reasons(store: Store, impression: Impression, asked: Asked, settings: Settings) -> Iterator[str]:
    """Yield what is known to have changed of all that the list rested on."""
    if changes := store.catalogue_version() - asked.catalogue:
        yield f"The catalogue changed since, {changes} times: other items may be shown, or meet a condition."
    if digest(settings) != asked.settings:
        yield "[events] or [recommend] say something else by now: what a past event is worth, how many are read."
    if forgotten := len(forgotten_since(store, impression.timestamp)):
        yield f"Since then {forgotten} users were forgotten, whose events the items' counts no longer have."
