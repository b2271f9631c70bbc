"""A service in process, on a store in memory and an engine that answers without a model."""

import atexit
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from litestar import Litestar

from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.domain import Recommendation, RecommendedItem
from coldframe.errors import BundleError, ConflictError, UnknownIdError
from coldframe.serving.app import create_app
from coldframe.serving.engine import Explanation
from coldframe.settings import Settings
from coldframe.store.people import Erasure
from coldframe.store.protocol import EventReport

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NO_BUNDLES = Path(mkdtemp(prefix="coldframe-no-bundles-"))
atexit.register(rmtree, NO_BUNDLES)


class MemoryStore:
    """Keeps what the protocol says a store keeps, in dicts."""

    def __init__(self):
        self.events_by_id, self.items_by_id, self.users_by_id, self.joined = {}, {}, {}, {}

    def append_events(self, events):
        reports = []
        for event in events:
            status = "repeated" if event.event_id in self.events_by_id else "accepted"
            self.events_by_id.setdefault(event.event_id, event)
            reports.append(EventReport(event_id=event.event_id, status=status))
        return reports

    def upsert_items(self, items):
        changed = sum(self.items_by_id.get(item.item_id) != item for item in items)
        self.items_by_id.update({item.item_id: item for item in items})
        return changed

    def item(self, item_id):
        return self.items_by_id.get(item_id)

    def delete_item(self, item_id):
        return self.items_by_id.pop(item_id, None) is not None

    def upsert_users(self, users):
        changed = sum(self.users_by_id.get(user.user_id) != user for user in users)
        self.users_by_id.update({user.user_id: user for user in users})
        return changed

    def user(self, user_id):
        return self.users_by_id.get(user_id)

    def forget_user(self, user_id, *, now):
        return Erasure(
            erasure_id="x-1", user_hash="0" * 64, asked_at=now, finished_at=now, erased={"users": self._gone(user_id)}
        )

    def _gone(self, user_id):
        return int(self.users_by_id.pop(user_id, None) is not None)

    def erasures(self, *, limit):
        return iter(())

    def merge_session(self, session_id, user_id, *, now):
        if self.joined.setdefault(session_id, user_id) != user_id:
            raise ConflictError(f"Session {session_id!r} belongs to another user already.")
        return True


class ListingEngine:
    """Recommends the catalogue in order; remembers what it was asked."""

    def __init__(self, store, bundle="b-1"):
        self.store, self.bundle_id, self.asked = store, bundle, []
        self.items_unknown_to_bundle, self.bundle_age_seconds = 0, 3600.0

    def refresh(self):
        return False

    def _answer(self, n, exclude, **asked):
        self.asked.append({"n": n, "exclude": list(exclude), **asked})
        if self.bundle_id is None:
            raise BundleError("No verified bundle is live.", remedy="Train one.")
        ids = [item_id for item_id in sorted(self.store.items_by_id) if item_id not in exclude][:n]
        items = tuple(RecommendedItem(item_id=item_id, score=1.0, mixer_weights={"popular": 1.0}) for item_id in ids)
        return Recommendation(recommendation_id="r-1", items=items, bundle=self.bundle_id, level="popular")

    def recommend(self, user_id, *, n, exclude, category, terms, scenario):
        return self._answer(n, exclude, user_id=user_id, category=category, terms=terms, scenario=scenario)

    def recommend_anonymous(self, events, attributes, *, n, exclude, category, terms, scenario, session_id):
        asked = {"events": events, "attributes": attributes, "category": category, "terms": terms}
        return self._answer(n, exclude, session_id=session_id, **asked)

    def similar_items(self, item_id, *, n):
        if item_id not in self.store.items_by_id:
            raise UnknownIdError(f"There is no item {item_id!r}.")
        return [RecommendedItem(item_id=item_id, score=1.0)][:n]

    def explain(self, user_id, item_id):
        if item_id not in self.store.items_by_id:
            raise UnknownIdError(f"There is no item {item_id!r}.")
        return Explanation(
            user_id=user_id,
            item_id=item_id,
            score=1.0,
            level="popular",
            bundle="b-1",
            scores={},
            weights={},
            shares={"popular": 1.0},
            warmth={},
            because_of=[],
        )


def service(
    *, bundle: str | None = "b-1", bundles: Path = NO_BUNDLES, extra_handlers=(), access=None, beside=None, **serving
) -> Litestar:
    store = MemoryStore()
    settings = replace(Settings(), serving=replace(Settings().serving, **serving))
    engine = ListingEngine(store, bundle)
    return create_app(
        engine,
        store,
        Registry(bundles),
        settings,
        extra_handlers=extra_handlers,
        access=access,
        clock=fixed_clock(NOW),
        workers=beside,
    )
