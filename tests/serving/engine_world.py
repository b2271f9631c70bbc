"""A tiny shop and a model that a person can check by hand, behind a real engine and a real registry.

The model scores an item by its popularity, plus each liked event's weight if that event was on an item of the same
shelf. Shelves: a, b, c are lamps; d, e are mugs.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.dataset.features import fit_item_features
from coldframe.dataset.training_set import Vocabulary, micros
from coldframe.domain import Event, Item, User
from coldframe.errors import BundleError
from coldframe.scoring.exposure import Exposure
from coldframe.scoring.served import Answer, Reasons
from coldframe.serving import live
from coldframe.serving.engine import Engine
from coldframe.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHELVES = {"a": "lamps", "b": "lamps", "c": "lamps", "d": "mugs", "e": "mugs"}
POPULARITY = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.5}


@dataclass
class ShelfModel:
    items: Vocabulary
    shelf: np.ndarray
    popularity: np.ndarray
    repeat: str = "allow"
    as_of: int = micros(NOW)
    attribute_names: tuple[str, ...] = ("country=PT", "vip=true")
    expert_names: tuple[str, ...] = ("content", "popular")
    exposure: Exposure = field(default_factory=Exposure)

    @property
    def item_features(self):
        items = [Item(item_id=item, categories=(SHELVES[item],)) for item in self.items.ids]
        return fit_item_features(items, text_buckets=1)

    @property
    def category_names(self):
        return self.item_features.category_names

    def parts(self, request):
        same = self.shelf[request.history.item][:, None] == self.shelf[None, :]
        content = request.history.weight.clip(0) @ same if len(request.history) else 0 * self.popularity
        return content, self.popularity

    def answer(self, request, n):
        content, popular = self.parts(request)
        score = np.where(True if request.allowed is None else request.allowed, content + popular, -np.inf)
        best = np.argsort(-score, kind="stable")[:n]
        best = best[np.isfinite(score[best])]
        shares = np.stack([content[best], popular[best]], axis=1) / score[best, None]
        level = "content" if len(request.history) else "popular"
        return Answer(best.astype(np.int32), score[best], shares, level, np.ones(len(best), np.float32))

    def prepare(self, threads=1):
        pass

    def reasons_of(self, request, items):
        return [self.reasons(request, item) for item in items]

    def reasons(self, request, item):
        content, popular = (float(part[item]) for part in self.parts(request))
        shares = {"content": content / (content + popular), "popular": popular / (content + popular)}
        days = (request.now - request.signed_up_at) / 86_400e6 if request.signed_up_at > 0 else float("nan")
        warmth = {"user_interaction_count": float(len(request.history)), "days_since_signup": days}
        alike = np.where(self.shelf[request.history.item] == self.shelf[item], 1.0, -1.0)
        return Reasons(content + popular, "content", {}, {}, shares, warmth, alike)

    @property
    def item_counts(self):
        return self.popularity.astype(np.int32)

    def similar(self, item, n):
        alike = np.where(self.shelf == self.shelf[item], 1.0, 0.0) + self.popularity / 10
        others = np.array([row for row in np.argsort(-alike, kind="stable") if row != item][:n], np.int32)
        return others, alike[others]


def model_of(arrays, meta):
    if "popularity" not in arrays:
        raise BundleError("The bundle holds no model.", remedy="Train again.")
    return ShelfModel(Vocabulary(tuple(meta["items"])), arrays["shelf"], arrays["popularity"], meta["repeat"])


class World:
    """A store with the five items on sale, a registry with one promoted bundle, and an engine on both."""

    def __init__(self, store, folder, monkeypatch, *, now=NOW):
        monkeypatch.setattr(live, "unpack", model_of)
        self.store, self.registry, self.clock = store, Registry(folder), fixed_clock(now)
        store.upsert_items([Item(item_id=item, categories=(shelf,)) for item, shelf in SHELVES.items()])
        self.publish()
        self.engine = self.new_engine()
        self.engine.refresh()

    def publish(self, *, repeat="allow", popularity=None, promote=True):
        popularity = POPULARITY | (popularity or {})
        arrays = {
            "popularity": np.array(list(popularity.values())),
            "shelf": np.array([list("lm").index(SHELVES[item][0]) for item in popularity]),
        }
        bundle = self.registry.publish(arrays, {"items": list(popularity), "repeat": repeat}, created_at=NOW)
        if promote:
            self.registry.promote(bundle)
        return bundle

    def new_engine(self, **recommend):
        settings = replace(Settings(), recommend=replace(Settings().recommend, **recommend))
        return Engine(self.store, self.registry, settings, clock=self.clock)

    def did(self, user, item, kind="purchase", *, ago=timedelta(days=1), **fields):
        event = Event(
            event_id=f"{user}-{item}-{kind}-{ago}", item_id=item, event_type=kind, timestamp=NOW - ago, user_id=user
        )
        self.store.append_events([replace_struct(event, **fields)])

    def signed_up(self, user, moment, **attributes):
        self.store.upsert_users([User(user_id=user, signed_up_at=moment, attributes=attributes)])


def replace_struct(struct, **fields):
    import msgspec

    return msgspec.structs.replace(struct, **fields)


def ids(answer):
    return "".join(item.item_id for item in answer.items)
