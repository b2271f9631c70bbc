"""The seed article's names for a notebook: ContentModel, CollaborativeModel, Mixer, HybridRecommender.

Owns the translation between ids and rows around the same training and the same scorers that the service uses. What
they learn, and how, is in the other modules of this room.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl

from coldframe.bundle import open_bundle, write_bundle
from coldframe.dataset.build import build_training_set
from coldframe.dataset.training_set import TrainingSet
from coldframe.domain import Item, RecommendedItem, User
from coldframe.errors import DataError, UnknownIdError
from coldframe.models.hybrid import Trained, train_hybrid
from coldframe.models.warmth import WarmthRow
from coldframe.scoring.packing import NULLABLE, pack, unpack
from coldframe.scoring.request import History, Request
from coldframe.scoring.served import Reasons, ServedModel, listed
from coldframe.settings import Settings


class HybridRecommender:
    """Every expert and the mixer that serves, in one object.

    After `load` there are no histories (a bundle holds nobody's past): pass `history` then.
    """

    experts: ClassVar[tuple[str, ...]] = ()
    """Names of the experts to fit; empty: all that the data can teach."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        mixer = replace(settings.mixer, experts=[*self.experts] or settings.mixer.experts)
        self.settings = replace(settings, mixer=mixer)
        self._model: ServedModel | None = None
        self._trained_on: TrainingSet | None = None
        self._warmth: list[WarmthRow] = []

    def fit(
        self,
        events: pl.DataFrame,
        items: Sequence[Item] = (),
        users: Sequence[User] = (),
        *,
        window_days: int | None = None,
    ) -> Self:
        """Learn from events (columns of `events.schema.EVENT_COLUMNS`; `events.reading.read_events` makes such frames).

        Raises `DataError` where there is nothing to learn.
        """
        training_set = build_training_set(events, items, users, self.settings, window_days=window_days)
        trained = train_hybrid(training_set, self.settings)
        self._trained_on, self._model, self._warmth = training_set, served(training_set, trained), trained.warmth
        return self

    @property
    def model(self) -> ServedModel:
        """The model behind the answers. Raises `DataError` before `fit` or `load`."""
        if self._model is None:
            raise DataError("This recommender has learned nothing yet.", remedy="Call fit(events) or load(path) first.")
        return self._model

    def recommend(
        self,
        user_id: str | None = None,
        *,
        n: int = 10,
        history: Sequence[str] | None = None,
        exclude: Collection[str] = (),
    ) -> list[RecommendedItem]:
        """Return the best items for a user of the training events, or for anybody with a `history` of item ids."""
        request = self._request(user_id, history)
        allowed = np.ones(len(self.model.items), np.bool_)
        left_out = self.model.items.rows(exclude)
        allowed[left_out[left_out >= 0]] = False
        if self.model.repeat == "exclude":
            allowed[request.history.item] = False
        answer = self.model.answer(replace(request, allowed=allowed), n)
        return [*listed(answer, self.model.items, self.model.expert_names)]

    def similar_items(self, item_id: str, *, n: int = 10) -> list[RecommendedItem]:
        """Return the nearest items. Raises `UnknownIdError`."""
        rows, similarities = self.model.similar(self._row(item_id), n)
        pairs = zip(rows, similarities, strict=True)
        return [RecommendedItem(item_id=self.model.items.ids[row], score=float(score)) for row, score in pairs]

    def explain(self, user_id: str | None, item_id: str, *, history: Sequence[str] | None = None) -> Reasons:
        """Return why an item has its score. Raises `UnknownIdError`."""
        return self.model.reasons(self._request(user_id, history), self._row(item_id))

    def save(self, folder: Path) -> Path:
        """Write the model as a bundle below a folder and return its path. Raises `BundleError`."""
        arrays, meta = pack(self.model)
        return folder / write_bundle(folder, arrays, meta, nullable=NULLABLE)

    def load(self, bundle: Path) -> Self:
        """Take the model of a bundle. Raises `BundleError` for one that is damaged or foreign."""
        opened = open_bundle(bundle)
        self._model, self._trained_on = unpack(opened.arrays, opened.meta), None
        return self

    def _row(self, item_id: str) -> int:
        row = self.model.items.row_of.get(item_id)
        if row is None:
            raise UnknownIdError(f"There is no item {item_id!r}.", remedy="Use an id of the events or the catalogue.")
        return row

    def _request(self, user_id: str | None, history: Sequence[str] | None) -> Request:
        now = self.model.as_of
        if history is not None:
            rows = self.model.items.rows(history)
            rows = rows[rows >= 0]
            times = now - np.arange(len(rows), 0, -1, dtype=np.int64)
            return Request.known_at(now, History(rows, np.ones(len(rows), np.float32), times))
        known = self._trained_on
        row = None if known is None or user_id is None else known.users.row_of.get(user_id)
        if known is None or row is None:
            return Request(now=now)
        own = known.log.where(known.log.user == row)
        return Request.known_at(
            now,
            History(own.item, own.weight, own.timestamp),
            signed_up_at=int(known.user_features.signed_up_at[row]),
            attributes=known.user_features.attributes.row(row),
        )


class ContentModel(HybridRecommender):
    """The content tower alone, with popularity for those it cannot say anything about."""

    experts = ("content", "popular-ever")


class CollaborativeModel(HybridRecommender):
    """Matrix factorisation alone, with popularity for those it cannot say anything about."""

    experts = ("collaborative", "popular-ever")


class Mixer(HybridRecommender):
    """The hybrid seen from its mixer: how much it trusts each expert, by warmth of user and item."""

    def weights(self) -> list[WarmthRow]:
        """Return each expert's mean share of the score per bucket of user and item history; empty after `load`."""
        return self._warmth


def served(training_set: TrainingSet, trained: Trained) -> ServedModel:
    """Return what serving needs of a training."""
    return ServedModel(
        training_set.items,
        training_set.user_features.attribute_names,
        training_set.item_features,
        trained.hybrid,
        trained.repeat,
        training_set.as_of,
        trained.selection.exposure.policy,
    )
