"""One bundle in use: its model, and catalogue and counts over its rows and those of items that came since.

Owns opening the promoted bundle, taking in newcomers, and the translation between item rows and ids. Never chooses
which bundle serves, never reads a person and never writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from coldframe.bundle.format import Bundle
from coldframe.dataset.training_set import Vocabulary, micros
from coldframe.domain import Item, RecommendedItem
from coldframe.errors import UnknownIdError
from coldframe.scoring.extending import described_anew, likeness_of, with_newcomers
from coldframe.scoring.likeness import Likeness
from coldframe.scoring.packing import unpack
from coldframe.scoring.request import Request
from coldframe.scoring.served import ServedModel
from coldframe.serving.attributes import Attributes
from coldframe.serving.catalogue import CatalogueView
from coldframe.serving.changes import Kept, whole
from coldframe.serving.counts import LiveCounts
from coldframe.serving.explanation import Explanation, explanation
from coldframe.serving.listing import Listed, list_of, narrow
from coldframe.serving.pages import MarkedRows
from coldframe.serving.requests import Person, Question, Questions, Wish
from coldframe.settings import Settings
from coldframe.store.protocol import CatalogueChanges, Store


class Made(NamedTuple):
    """A list and the question behind it."""

    listed: Listed
    question: Question


@dataclass(frozen=True)
class Opened:
    """A bundle's own model, and how items that it does not know are compared with those that it does."""

    model: ServedModel

    @cached_property
    def likeness(self) -> Likeness:
        """Made when the first newcomer comes or the first known item changes."""
        return likeness_of(self.model)

    def edited(self, before: Mapping[int, Item], changes: CatalogueChanges) -> dict[int, Item]:
        """Return which of the model's items are described anew, by row, after changes of the catalogue."""
        rows = self.model.items.row_of
        changed = [item for item in changes.items if item.item_id in rows]
        settled = {rows[item.item_id] for item in changed} | {rows[gone] for gone in changes.removed if gone in rows}
        anew = described_anew(self.model, changed, self.likeness) if changed else {}
        return {row: item for row, item in before.items() if row not in settled} | anew

    def with_newcomers(self, newcomers: Sequence[Item], edited: Mapping[int, Item], most: int) -> ServedModel:
        """Return the model that scores newcomers, too, and as many as there is room for of those described anew."""
        some = dict(sorted(edited.items())[: max(0, most - len(newcomers))])
        return with_newcomers(self.model, newcomers, self.likeness, some) if newcomers or some else self.model


@dataclass(frozen=True)
class LiveModel:
    """A verified bundle that answers. Safe from several threads: catalogue and counts change, each as a whole.

    `opened` is what the bundle holds, `model` the same with the newcomers that were there at the catalogue `known` over
    the bundle's own rows, and with those of `edited`, by row, that were described anew by then.
    """

    bundle: str
    opened: Opened
    known: CatalogueView
    newcomers: tuple[Item, ...]
    edited: Mapping[int, Item]
    model: ServedModel
    catalogue: Kept[CatalogueView]
    counts: LiveCounts
    questions: Questions
    attributes: Attributes
    marked: MarkedRows

    @property
    def as_of(self) -> int:
        """The end of the events that the bundle was trained on, µs."""
        return self.model.as_of

    def answer(self, person: Person, wish: Wish, now: int) -> Made:
        """Return the best items for a person at `now` (µs), best first, how they were found, and what was asked."""
        question = self._question(person, wish, now)
        return Made(list_of(self.model, question.request, wish, self.attributes), question)

    def explain(self, user_id: str, person: Person, item_ids: Sequence[str], now: int) -> list[Explanation]:
        """Say why each item has its score, asked as a list would be. Raises `UnknownIdError`."""
        rows = [self._row(item_id) for item_id in item_ids]
        question = self._question(person, Wish(1), now)
        if question.request.allowed is not None:
            question.request.allowed[rows] = True
        found = self.model.reasons_of(question.request, rows)
        return [
            explanation(user_id, item_id, reasons, question.request, question.past, bundle=self.bundle)
            for item_id, reasons in zip(item_ids, found, strict=True)
        ]

    def similar(self, item_id: str, n: int, now: int) -> list[RecommendedItem]:
        """Return the `n` nearest items that can be shown at `now` (µs), best first. Raises `UnknownIdError`."""
        row = self._row(item_id)
        shown = self.catalogue.current().shown(now)
        rows, similarities = self.model.similar(row, n + int((~shown).sum()))
        found = [
            RecommendedItem(item_id=self.model.items.ids[other], score=float(similarity))
            for other, similarity in zip(rows, similarities, strict=True)
            if shown[other]
        ]
        return found[:n]

    def _question(self, person: Person, wish: Wish, now: int) -> Question:
        question = self.questions.of(person, wish, self.catalogue.current(), self.counts.current(), now)
        narrow(question.request, wish, self.attributes, self.marked)
        return replace(question, catalogue=min(question.catalogue, self.known.version))

    def _row(self, item_id: str) -> int:
        row = self.model.items.row_of.get(item_id)
        if row is None:
            raise UnknownIdError(
                f"Bundle {self.bundle} does not know item {item_id!r}.",
                remedy="Check the id; an item that has just been sent is there within seconds.",
            )
        return row


def open_live(bundle: Bundle, store: Store, settings: Settings, threads: int) -> LiveModel:
    """Return a bundle ready to answer, made so by some threads. Raises `BundleError` when it does not hold a model.

    It has answered a stranger once before anybody sees it, so that the first user waits for no compilation.
    """
    model = unpack(bundle.arrays, bundle.meta)
    model.prepare(threads)
    model.answer(Request(), 1)
    opened = Opened(model)
    known = CatalogueView.empty(model.items).after(whole(store))
    trained_on = bundle.meta.get("catalogue", known.version)
    changes = store.catalogue_changes(trained_on if trained_on <= known.version else -1)  # later: of another store
    return _live(bundle.id, opened, known, opened.edited({}, changes), Attributes(store, model.items), store, settings)


def followed(live: LiveModel, store: Store, settings: Settings) -> LiveModel:
    """Return the same bundle with the newcomers that the catalogue has by now, `live` itself if it did not change."""
    if store.catalogue_version() == live.known.version:
        return live
    changes = store.catalogue_changes(live.known.version)
    known, edited = live.known.after(changes), live.opened.edited(live.edited, changes)
    now = _newest(known.strangers, settings), edited
    if described(*now) == described(live.newcomers, live.edited):
        return replace(live, known=known, newcomers=now[0], edited=edited)
    return _live(live.bundle, live.opened, known, edited, live.attributes, store, settings)


def _live(
    bundle: str,
    opened: Opened,
    known: CatalogueView,
    edited: Mapping[int, Item],
    attributes: Attributes,
    store: Store,
    settings: Settings,
) -> LiveModel:
    newcomers = _newest(known.strangers, settings)
    model = opened.with_newcomers(newcomers, edited, settings.recommend.newcomers)
    return LiveModel(
        bundle,
        opened,
        known,
        newcomers,
        edited,
        model,
        Kept(store, known.extended(model.items, newcomers)),
        LiveCounts(store, model),
        Questions(model, Vocabulary(model.attribute_names), settings),
        attributes.extended(len(opened.model.items), model.items, newcomers, known.version),
        MarkedRows(model.items),
    )


def described(newcomers: Sequence[Item], edited: Mapping[int, Item]) -> list[tuple[object, ...]]:
    """Return what of items a model is told: their price and stock may change without another model."""
    told = [*newcomers, *(item for _, item in sorted(edited.items()))]
    return [(item.item_id, item.title, item.text, item.categories, item.tags, item.created_at) for item in told]


def _newest(strangers: Mapping[str, Item], settings: Settings) -> tuple[Item, ...]:
    """Return the available items that a bundle does not know, the newest if too many, in order of their id."""
    available = [item for item in strangers.values() if item.available]
    newest = sorted(available, key=lambda item: (-micros(item.created_at), item.item_id))
    return tuple(sorted(newest[: settings.recommend.newcomers], key=lambda item: item.item_id))
