"""What the production metrics read: delivered lists, events, the catalogue, sign-ups, and when the log ends.

Owns reading it from a store and making it up from a replay. Never computes a metric.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast, runtime_checkable

import numpy as np
import polars as pl

from coldframe.clock import Clock
from coldframe.dataset.training_set import Bags, Vocabulary
from coldframe.domain import Impression, Item, RecommendedItem, User
from coldframe.errors import InputError
from coldframe.events.schema import EVENT_COLUMNS, TIME
from coldframe.feedback.attribution import Delivered, delivered

Catalogue = Iterable[Item] | Mapping[str, Sequence[str]]
"""Every item, or each item's id and its categories."""
REPLAY_TIME = datetime(1970, 1, 1, tzinfo=UTC)
REPLAY_EVENT = "click"


@runtime_checkable
class Readable(Protocol):
    """The part of a `Store` that is read here; see there for what each method promises."""

    def scan_events(self, *, start: datetime | None = None, end: datetime | None = None) -> pl.LazyFrame:
        """Return events with the columns of `EVENT_COLUMNS`."""
        ...

    def impressions(self, *, start: datetime | None = None, end: datetime | None = None) -> Iterable[Impression]:
        """Yield delivered lists."""
        ...

    def items(self) -> Iterable[Item]:
        """Yield the catalogue."""
        ...

    def users(self) -> Iterable[User]:
        """Yield the users."""
        ...


class HasStore(Protocol):
    """Whatever keeps its store in `.store`, as `coldframe.open(path)` does."""

    @property
    def store(self) -> Readable:
        """The store."""
        ...


class Answer(Protocol):
    """A recommendation: an ordered list of items."""

    @property
    def items(self) -> Sequence[RecommendedItem]:
        """Best first."""
        ...


class Recommender(Protocol):
    """A model: `recommend(user_id, n=10)` returns a `Recommendation`, or item ids, best first."""

    def recommend(self, user_id: str, *, n: int) -> Answer | Sequence[str] | Sequence[RecommendedItem]:
        """Return the best `n` items for a user."""
        ...


@dataclass(frozen=True)
class Log:
    """Everything needed, already bounded in time.

    `events` has the columns of `EVENT_COLUMNS`, from the beginning of the log to `end`; `delivered` the lists since
    `start`; `signed_up` user_id and signed_up_at. `end` is None for an empty log. `replayed` lists were never shown
    to anybody.
    """

    delivered: Delivered
    events: pl.LazyFrame
    item_ids: Vocabulary
    categories: Bags
    signed_up: pl.DataFrame
    start: datetime | None
    end: datetime | None
    replayed: bool = False


def read_log(
    source: Readable | HasStore,
    *,
    catalogue: Catalogue | None,
    start: datetime | None,
    end: datetime | None,
    clock: Clock,
) -> Log:
    """Read what was delivered in start ≤ t < end and what happened until then.

    Without `end` the log ends at its newest moment that is not in the future: an event dated 2099 must not make
    everybody a user who has waited for decades.
    """
    store = source if isinstance(source, Readable) else source.store
    bound = end or clock() + timedelta(microseconds=1)
    events = store.scan_events(end=bound)
    lists = delivered(store.impressions(start=start, end=bound))
    ids, categories = _catalogue(store.items() if catalogue is None else catalogue)
    sign_ups = [(user.user_id, user.signed_up_at) for user in store.users() if user.signed_up_at is not None]
    signed_up = pl.DataFrame(sign_ups, schema={"user_id": pl.String, "signed_up_at": TIME}, orient="row")
    return Log(lists, events, ids, categories, signed_up, start, end or _newest(events, lists))


def replay_log(model: Recommender, chosen: Mapping[str, Collection[str]], catalogue: Catalogue, *, n: int) -> Log:
    """Ask a model for each test user and pretend that the items the user chose later were clicked.

    `chosen` maps a user to the items chosen after the model was fitted. Raises `InputError` when it is no mapping.
    """
    if not isinstance(cast(object, chosen), Mapping):
        raise InputError(
            f"test_users is a {type(chosen).__name__}, which does not say what the users chose.",
            remedy="Pass a mapping: user id → the items chosen later.",
        )
    shown = {user: _item_ids(model.recommend(user, n=n)) for user in sorted(chosen)}
    lists = delivered(_replayed(user, items[:n]) for user, items in shown.items())
    rows = [_click(user, item) for user in shown for item in sorted(set(chosen[user]))]
    events = pl.DataFrame(rows, schema=EVENT_COLUMNS, orient="row").lazy()
    ids, categories = _catalogue(catalogue)
    nobody = pl.DataFrame(schema={"user_id": pl.String, "signed_up_at": TIME})
    return Log(lists, events, ids, categories, nobody, None, None, replayed=True)


def _catalogue(catalogue: Catalogue) -> tuple[Vocabulary, Bags]:
    known = {item_id: sorted(set(categories)) for item_id, categories in _pairs(catalogue)}
    names = Vocabulary(tuple(sorted({name for own in known.values() for name in own})))
    indptr = np.cumsum([0, *map(len, known.values())], dtype=np.int64)
    indices = names.rows(name for own in known.values() for name in own)
    return Vocabulary(tuple(known)), Bags(indptr, indices, len(names))


def _pairs(catalogue: Catalogue) -> Iterable[tuple[str, Sequence[str]]]:
    if isinstance(catalogue, Mapping):
        return cast(Mapping[str, Sequence[str]], catalogue).items()
    return ((item.item_id, item.categories) for item in catalogue)


def _newest(events: pl.LazyFrame, lists: Delivered) -> datetime | None:
    moments = (
        events.select(pl.col("timestamp").max()).collect().item(),
        lists.lists["delivered_at"].max(),
    )
    return max((cast(datetime, moment) for moment in moments if moment is not None), default=None)


def _item_ids(answer: Answer | Sequence[str] | Sequence[RecommendedItem]) -> list[str]:
    items = answer if isinstance(answer, Sequence) else answer.items
    return [item if isinstance(item, str) else item.item_id for item in items]


def _replayed(user_id: str, items: Sequence[str]) -> Impression:
    return Impression(
        recommendation_id=user_id,
        timestamp=REPLAY_TIME,
        items=tuple(items),
        scores=(0.0,) * len(items),
        propensities=(1.0,) * len(items),
        mixer_weights=({},) * len(items),
        bundle="replay",
        level="hybrid",
        user_id=user_id,
    )


def _click(user_id: str, item_id: str) -> tuple[object, ...]:
    known = {
        "event_id": f"{user_id}/{item_id}",
        "user_id": user_id,
        "item_id": item_id,
        "event_type": REPLAY_EVENT,
        "timestamp": REPLAY_TIME,
        "recommendation_id": user_id,
    }
    return tuple(known.get(column) for column in EVENT_COLUMNS)
