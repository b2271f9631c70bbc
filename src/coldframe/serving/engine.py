"""The recommender in process: a live bundle, a store, one request at a time.

The HTTP app, the command line and the dashboard all ask this one object. It reads a user's recent events from the
store, builds a `Request`, lets the bundle's scorers answer, and logs the impression. It knows no HTTP.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from coldframe.bundle.registry import Registry
from coldframe.clock import Clock, new_recommendation_id, system_clock
from coldframe.dataset.training_set import micros
from coldframe.domain import Asked, Event, Impression, Recommendation, RecommendedItem, Scalar, SlotPolicy
from coldframe.errors import BundleError, InputError
from coldframe.pacing import at_most
from coldframe.serving.explanation import Explanation, HistoryReason
from coldframe.serving.kept import asked_of, digest
from coldframe.serving.listing import wish_of
from coldframe.serving.live import LiveModel, followed, open_live
from coldframe.serving.requests import Person, Wish, read_person, read_session, said_of
from coldframe.serving.terms import NO_TERMS, Terms, house_terms
from coldframe.settings import Settings
from coldframe.store.protocol import Store

__all__ = ["Engine", "Explanation", "HistoryReason"]

BESIDE_ANSWERS = 0.25
"""How much of a core's time the opening of a bundle may take while another one answers: only who promotes it waits."""


class Answered(NamedTuple):
    """An answer, what was wished for, the lots that were drawn, and what is kept of the question."""

    told: Recommendation
    wish: Wish
    slots: SlotPolicy | None
    asked: Asked


class Engine:
    """Answers requests from the promoted bundle and the store. Safe from several threads.

    The live bundle is one reference: a request keeps the one it began with while another is swapped in.
    """

    def __init__(self, store: Store, registry: Registry, settings: Settings, *, clock: Clock = system_clock) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._terms = house_terms(settings.rules)
        self._digest = digest(settings)
        self._clock = clock
        self._live: LiveModel | None = None
        self._refreshing = Lock()

    @property
    def bundle_id(self) -> str | None:
        """The live bundle, or None until a verified one is live."""
        live = self._live
        return live.bundle if live else None

    @property
    def items_unknown_to_bundle(self) -> int:
        """Available items that no list has: those that came since the training, beyond `recommend.newcomers`."""
        live = self._live
        return live.catalogue.current().unknown if live else 0

    @property
    def bundle_age_seconds(self) -> float | None:
        """How long ago the events end that the live bundle was trained on; None without one.

        From 30 days on the bundle is stale, and pasts are weighed as of its time (`requests.moment_for`).
        """
        live = self._live
        return (micros(self._clock()) - live.as_of) / 1e6 if live else None

    def refresh(self) -> bool:
        """Swap to the promoted bundle when it changed, True when it did; take in what came and happened since then.

        A bundle that fails verification raises `BundleError` and the previous one keeps serving. Counts are read at
        most every 10 seconds; a store that cannot be read raises `StoreError` and the previous counts stay. The first
        bundle is opened on all cores that are this worker's part, as it answers nobody yet; a later one on one thread,
        with pauses.
        """
        with self._refreshing:
            promoted, live, now = self._registry.promoted(), self._live, micros(self._clock())
            if promoted is None or promoted == self.bundle_id:
                if live is not None:
                    self._follow_catalogue(live, now)
                return False
            if live is None:
                self._open(now, max(1, (os.cpu_count() or 1) // self._settings.serving.workers))
            else:
                with at_most(BESIDE_ANSWERS):
                    self._open(now, 1)
            return True

    def _open(self, now: int, threads: int) -> None:
        live = open_live(self._registry.open(threads=threads), self._store, self._settings, threads)
        live.counts.refresh(now)
        self._live = live

    def _follow_catalogue(self, live: LiveModel, now: int) -> None:
        """Take in items that came since, and count what happened."""
        with at_most(BESIDE_ANSWERS):
            live = followed(live, self._store, self._settings)
        live.counts.refresh(now)
        self._live = live

    def recommend(
        self,
        user_id: str,
        *,
        n: int | None = None,
        exclude: Collection[str] = (),
        category: str | None = None,
        terms: Terms = NO_TERMS,
        scenario: str = "default",
        shown: bool = True,
    ) -> Recommendation:
        """Return the best `n` items for a user, known or not. Raises `BundleError` when no bundle is live.

        A list that its user will not see (`shown` False) leaves no impression.
        """
        return self.recommend_many(
            [user_id], n=n, exclude=exclude, category=category, terms=terms, scenario=scenario, shown=shown
        )[0]

    def recommend_many(
        self,
        user_ids: Sequence[str],
        *,
        n: int | None = None,
        exclude: Collection[str] = (),
        category: str | None = None,
        terms: Terms = NO_TERMS,
        scenario: str = "default",
        shown: bool = True,
    ) -> list[Recommendation]:
        """Return for each user exactly what `recommend` would, at one moment and from one bundle."""
        live, now, asked = self._required(), self._clock(), self._asked(n, exclude, category, terms, scenario)
        wishes = [self._wish(asked, f"user {user_id}", now) for user_id in user_ids]
        answers = [
            self._answer(live, self._person(user_id), wish, now, user_id)
            for user_id, wish in zip(user_ids, wishes, strict=True)
        ]
        if shown:
            self._log(answers, now)
        return [answer.told for answer in answers]

    def recommend_anonymous(
        self,
        events: Sequence[Event] | None,
        attributes: Mapping[str, Scalar],
        *,
        n: int | None = None,
        exclude: Collection[str] = (),
        category: str | None = None,
        terms: Terms = NO_TERMS,
        scenario: str = "default",
        session_id: str | None = None,
    ) -> Recommendation:
        """Return the best `n` items for a visitor known only by what the caller says.

        Where that says nothing of events (None), those that the store has of the session are read.
        """
        live, now = self._required(), self._clock()
        wish = self._wish(self._asked(n, exclude, category, terms, scenario), f"session {session_id}", now)
        answer = self._answer(live, self._visitor(events, attributes, session_id), wish, now, None)
        self._log([answer], now, session_id)
        return answer.told

    def similar_items(self, item_id: str, *, n: int = 10) -> list[RecommendedItem]:
        """Return the items nearest to one item that can be shown now. Raises `UnknownIdError`."""
        return self._required().similar(item_id, self._asked(n).n, micros(self._clock()))

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Say why an item has its score for a user. Raises `UnknownIdError` for an unknown item."""
        return self.explain_many(user_id, [item_id])[0]

    def explain_many(self, user_id: str, item_ids: Sequence[str]) -> list[Explanation]:
        """Say the same of several items, asking the experts once. Raises `UnknownIdError`."""
        live = self._required()
        return live.explain(user_id, self._person(user_id), item_ids, micros(self._clock())) if item_ids else []

    def _required(self) -> LiveModel:
        live = self._live
        if live is None:
            raise BundleError(
                "No verified bundle is live.", remedy="Train and promote one: `coldframe train`, `coldframe models`."
            )
        return live

    def _asked(
        self,
        n: int | None,
        exclude: Collection[str] = (),
        category: str | None = None,
        terms: Terms = NO_TERMS,
        scenario: str = "default",
    ) -> Wish:
        """Return what the caller wants, on the shop's own terms where he has none."""
        n = self._settings.recommend.n if n is None and terms.next is None else n
        if n is not None and n < 1:
            raise InputError(f"n is {n}.", remedy="Ask for at least one item.")
        return Wish(n or 0, exclude, category, self._terms if terms is NO_TERMS else terms, scenario)

    def _wish(self, asked: Wish, who: str, now: datetime) -> Wish:
        if asked.terms is self._terms:
            return asked
        return wish_of(asked, self._terms, who, micros(now), self._settings.recommend)

    def _person(self, user_id: str) -> Person:
        return read_person(self._store, user_id, limit=self._settings.recommend.history)

    def _visitor(
        self, events: Sequence[Event] | None, attributes: Mapping[str, Scalar], session_id: str | None
    ) -> Person:
        limit = self._settings.recommend.history
        if events is None:
            return read_session(self._store, session_id, attributes, limit=limit)
        return said_of(events, attributes, limit=limit)

    def _answer(self, live: LiveModel, person: Person, wish: Wish, now: datetime, user_id: str | None) -> Answered:
        (items, level, notes, slots), question = live.answer(person, wish, micros(now))
        recommendation_id, page = new_recommendation_id(), wish.page
        shown = [item.item_id for item in items] if page else []
        told = Recommendation(
            recommendation_id=recommendation_id,
            items=items,
            bundle=live.bundle,
            level=level,
            user_id=user_id,
            notes=notes,
            next=page.following(recommendation_id, shown, micros(now)) if page else None,
        )
        return Answered(told, wish, slots, asked_of(question, person, wish, self._digest))

    def _log(self, answers: Sequence[Answered], now: datetime, session_id: str | None = None) -> None:
        if self._settings.serving.log_impressions:
            self._store.append_impressions([impression_of(answer, now, session_id) for answer in answers])


def impression_of(answered: Answered, now: datetime, session_id: str | None = None) -> Impression:
    """Return what is kept of an answer that is about to be shown."""
    answer, wish, slots, asked = answered
    rules = tuple(item.rules for item in answer.items)
    return Impression(
        recommendation_id=answer.recommendation_id,
        timestamp=now,
        items=tuple(item.item_id for item in answer.items),
        scores=tuple(item.score for item in answer.items),
        propensities=tuple(item.propensity for item in answer.items),
        mixer_weights=tuple(item.mixer_weights for item in answer.items),
        rules=rules if any(rules) else (),
        bundle=answer.bundle,
        level=answer.level,
        user_id=answer.user_id,
        session_id=session_id,
        scenario=wish.scenario,
        first=wish.page.first if wish.page else None,
        offset=wish.page.offset if wish.page else 0,
        slots=slots,
        asked=asked,
    )
