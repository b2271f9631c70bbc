"""From a person's record and recent events to the one question a model is asked.

Owns what of a person reaches the model, and in which order. Never scores and never writes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from coldframe.dataset.attributes import told
from coldframe.dataset.training_set import DAY_US, NEVER, Bools, Rows, Vocabulary, micros
from coldframe.dataset.weights import event_weight
from coldframe.domain import Event, Past, Scalar, UserId
from coldframe.scoring.request import History, Request
from coldframe.scoring.served import ServedModel
from coldframe.serving.catalogue import CatalogueView
from coldframe.serving.counts import Counted
from coldframe.serving.pages import Page
from coldframe.serving.terms import NO_TERMS, Terms
from coldframe.settings import Settings
from coldframe.store.protocol import Store

STALE_US = 30 * DAY_US
"""A bundle whose window ended longer ago than this is stale: nobody trains on this log any more."""


@dataclass(frozen=True)
class Person:
    """Who asks: what they did, and what they told us; `unkept`: the caller said so, and nobody stores it."""

    past: Past = Past()  # noqa: RUF009
    attributes: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    signed_up_at: datetime | None = None
    unkept: bool = False


@dataclass(frozen=True)
class Question:
    """A request and the events behind `request.history`, in its order; which catalogue it was made with, by version,
    and which counts, by the serial of their newest event.
    """

    request: Request
    past: Past
    catalogue: int
    counts: int


@dataclass(frozen=True)
class Wish:
    """What the caller wants of the list besides the best: its length, what to leave out, of which category, under which
    terms, where it is shown, and which page it is where pages were asked for.
    """

    n: int
    exclude: Collection[str] = ()
    category: str | None = None
    terms: Terms = NO_TERMS
    scenario: str = "default"
    page: Page | None = None


def read_person(store: Store, user_id: str, *, limit: int) -> Person:
    """Return what a store knows of a user, or of a session, by its newest `limit` events; nothing for a stranger."""
    past, user = store.past(UserId(user_id), limit=limit), store.user(UserId(user_id))
    return Person(past, user.attributes if user else {}, user.signed_up_at if user else None)


def read_session(store: Store, session_id: str | None, attributes: Mapping[str, Scalar], *, limit: int) -> Person:
    """Return a visitor known by attributes that the caller says and by what a store has of the session, if there is
    one; nothing of a user who happens to go by the same id.
    """
    past = store.past(UserId(session_id), limit=limit, session=True) if session_id else Past()
    return Person(past, attributes, unkept=bool(attributes))


def said_of(events: Sequence[Event], attributes: Mapping[str, Scalar], *, limit: int) -> Person:
    """Return a visitor known only by what the caller says; of equal times the later in the list is the newer."""
    oldest_first = sorted(events, key=lambda event: event.timestamp)
    return Person(past_of(oldest_first[-limit:]), attributes, unkept=True)


def past_of(events: Sequence[Event]) -> Past:
    """Return what a model is told of events, given oldest first."""
    return Past(
        [event.item_id for event in events],
        [event.event_type for event in events],
        [micros(event.timestamp) for event in events],
    )


@dataclass(frozen=True)
class Questions:
    """Turns persons into questions to one model. `attributes` are the model's attribute names."""

    model: ServedModel
    attributes: Vocabulary
    settings: Settings

    def of(self, person: Person, wish: Wish, catalogue: CatalogueView, counts: Counted, now: int) -> Question:
        """Return the question of one person at `now` (µs); `counts` are events per item by now.

        What can be shown is decided as of `now`, what the past is worth as of `moment_for`. Left out are events that
        are worth nothing, and those on items that the bundle does not know: no expert can say anything of them. An
        event from a clock that runs ahead happened now at the latest.
        """
        moment = moment_for(person, self.model.as_of, now)
        past, history = self._past(person.past, moment)
        request = Request.known_at(
            moment,
            history,
            signed_up_at=micros(person.signed_up_at),
            attributes=np.sort(self.attributes.rows(told(person.attributes, self.attributes.row_of))),
            allowed=self._allowed(wish, history.item, catalogue.shown(now, wish.category)),
            item_counts=counts.of_row,
        )
        return Question(request, past, catalogue.version, counts.serial)

    def _past(self, given: Past, moment: int) -> tuple[Past, History]:
        """Return those events that say something, and what they say."""
        worth = {kind: event_weight(kind, self.settings) for kind in set(given.event_types)}
        rows, weights = self.model.items.rows(given.item_ids), [worth[kind] for kind in given.event_types]
        if not all(weights) or (rows < 0).any():
            telling = [place for place, row in enumerate(rows.tolist()) if row >= 0 and weights[place]]
            given = given.chosen(telling)
            rows, weights = rows[telling], [worth[kind] for kind in given.event_types]
        times = np.minimum(np.array(given.timestamps, np.int64), moment)
        return given, History(rows, np.array(weights, np.float32), times)

    @property
    def repeat(self) -> str:
        """May what a user had be shown again? As the settings say, or as the model learned."""
        asked = self.settings.recommend.repeat
        return self.model.repeat if asked == "auto" else asked

    def _allowed(self, wish: Wish, seen: Rows, shown: Bools) -> Bools:
        excluded = self.model.items.rows(wish.exclude)
        shown[excluded[excluded >= 0]] = False
        if self.repeat == "exclude":
            shown[seen] = False
        return shown


def moment_for(person: Person, as_of: int, now: int) -> int:
    """Return the moment a model is asked about: `now`, or for a stale bundle the newest that is known (all µs).

    What a past event is worth halves with its age. In a log that stopped years ago nobody's past would be worth
    anything; which of two events is the newer still says as much as it did then.
    """
    if now - as_of <= STALE_US:
        return now
    newest = person.past.timestamps[-1] if person.past.timestamps else NEVER
    return min(now, max(as_of, newest, micros(person.signed_up_at)))
