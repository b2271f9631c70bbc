"""A shop in memory and an engine simple enough to check by hand, for tests of what the page does with their answers."""

from collections import Counter
from datetime import UTC, datetime

import polars as pl

from coldframe.bundle.registry import BundleInfo
from coldframe.domain import Event, Recommendation, RecommendedItem
from coldframe.errors import UnknownIdError
from coldframe.serving.engine import Explanation, HistoryReason
from coldframe.store.protocol import EventReport

NOW = datetime(2011, 12, 10, 12, tzinfo=UTC)
METRICS = {
    f"{who}/{model}/ndcg@10": value
    for who, values in {
        "all": (0.271, 0.158, 0.157, 0.100),
        "user:0": (0.087, 0.086, 0.086, 0.086),
        "user:1": (0.301, 0.212, 0.287, 0.092),
        "user:2-5": (0.431, 0.287, 0.387, 0.098),
        "user:6-20": (0.320, 0.211, 0.227, 0.063),
        "user:>20": (0.282, 0.203, 0.157, 0.105),
    }.items()
    for model, value in zip(("hybrid", "collaborative", "content", "popular"), values, strict=True)
}


class MemoryShop:
    """The parts of a store that the page and POST /v1/events use."""

    def __init__(self, events, items=(), users=()):
        self._events, self._items = list(events), {item.item_id: item for item in items}
        self._users, self.n_forgotten = list(users), 0

    def append_events(self, events):
        known = {event.event_id for event in self._events}
        self._events += [event for event in events if event.event_id not in known]
        return [
            EventReport(event_id=e.event_id, status="repeated" if e.event_id in known else "accepted") for e in events
        ]

    def scan_events(self):
        rows = [(e.user_id, e.item_id, e.timestamp) for e in self._events]
        schema = {"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Datetime("us", "UTC")}
        return pl.DataFrame(rows, schema=schema, orient="row").lazy()

    def recent_events(self, actor, *, limit, before=None):
        own = [e for e in self._events if e.actor_id == actor]
        return sorted(own, key=lambda e: e.timestamp, reverse=True)[:limit]

    def item(self, item_id):
        return self._items.get(item_id)

    def items(self):
        return iter(self._items.values())

    def users(self):
        return iter(self._users)

    def count_erasures(self):
        return self.n_forgotten

    def forget_user(self, user_id):
        self._events = [event for event in self._events if event.user_id != user_id]
        self.n_forgotten += 1

    def catalogue_version(self):
        return len(self._items)


class NeighbourEngine:
    """Scores an item by the share of title words it has in common with the history, plus how often it was bought."""

    bundle_id = "20111210T120000-5eed"

    def __init__(self, store):
        self.store = store
        self.sold = Counter(store.scan_events().collect()["item_id"].to_list())
        self.most = max(self.sold.values(), default=1)
        self.delivered, self.items_unknown_to_bundle, self.bundle_age_seconds = [], 0, None

    def refresh(self):
        return False

    def recommend(self, user_id, *, n, scenario, shown, exclude=(), category=None):
        self.delivered += [user_id] if shown else []
        past = self._past(user_id)
        ranked = sorted(
            (i.item_id for i in self.store.items() if i.item_id not in past), key=lambda i: (-self._mix(past, i)[0], i)
        )
        return Recommendation(
            recommendation_id="r-1",
            items=tuple(RecommendedItem(item_id=i, score=self._mix(past, i)[0]) for i in ranked[:n]),
            bundle=self.bundle_id,
            level="hybrid" if past else "popular",
            user_id=user_id,
        )

    def explain_many(self, user_id, item_ids):
        return [self.explain(user_id, item_id) for item_id in item_ids]

    def explain(self, user_id, item_id):
        if self.store.item(item_id) is None:
            raise UnknownIdError(f"There is no item {item_id!r}.")
        past = self._past(user_id)
        score, shares = self._mix(past, item_id)
        near = sorted(past.values(), key=lambda e: (-self._alike(e.item_id, item_id), e.item_id))
        return Explanation(
            user_id=user_id,
            item_id=item_id,
            score=score,
            level="hybrid",
            bundle=self.bundle_id,
            scores=shares,
            weights=shares,
            shares=shares,
            warmth={
                "user_interaction_count": len(past),
                "item_interaction_count": self.sold[item_id],
                "days_since_signup": None,
            },
            because_of=[
                HistoryReason(
                    item_id=e.item_id,
                    event_type=e.event_type,
                    timestamp=e.timestamp.isoformat(),
                    similarity=self._alike(e.item_id, item_id),
                )
                for e in near
                if self._alike(e.item_id, item_id) > 0
            ],
        )

    def _past(self, user_id):
        return {e.item_id: e for e in self.store.recent_events(user_id, limit=500)}

    def _mix(self, past, item_id):
        content = 2 * max((self._alike(old, item_id) for old in past), default=0.0)
        popular = self.sold[item_id] / self.most
        together = content + popular or 1.0
        warmth = len(past) / (len(past) + 20)
        shares = {
            "content": content / together * (1 - warmth),
            "collaborative": content / together * warmth,
            "popular": 1 - content / together,
        }
        return content + popular, shares

    def _alike(self, first, second):
        one, two = (self._words(i) for i in (first, second))
        return len(one & two) / len(one | two)

    def _words(self, item_id):
        item = self.store.item(item_id)
        return set(item.title.lower().split()) if item else {item_id}


WARMTH = [
    {
        "user": user,
        "item": item,
        "n": 12,
        "shares": {"content": content, "collaborative": 0.9 - content, "trending": 0.1},
    }
    for user, item, content in ((">20", ">20", 0.1), ("0", ">20", 0.4), (">20", "0", 0.8))
]


class OneBundle:
    """A registry of the bundle that the engine answers with."""

    def __init__(self, metrics=METRICS, warmth=WARMTH):
        self.metrics, self.warmth = metrics, warmth

    def manifest(self, bundle):
        assert bundle == NeighbourEngine.bundle_id
        return {"meta": {"warmth": self.warmth}}

    def list(self):
        return [BundleInfo(bundle=NeighbourEngine.bundle_id, created_at=NOW, promoted=True, metrics=self.metrics)]


def event(user_id, item_id, moment, event_type="purchase"):
    name = f"{user_id}-{item_id}-{moment.isoformat()}"
    return Event(event_id=name, user_id=user_id, item_id=item_id, event_type=event_type, timestamp=moment)
