"""What an impression keeps of the question behind a list, and the way back from it.

Owns what of a question is kept, so that `replay` can ask it again. Never reads a bundle and never compares.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec
import numpy as np

from coldframe.domain import Asked, Impression, UserId
from coldframe.serving.pages import Page
from coldframe.serving.requests import Person, Question, Wish
from coldframe.serving.terms import Terms
from coldframe.settings import Settings
from coldframe.store.protocol import Store


def asked_of(question: Question, person: Person, wish: Wish, settings: str) -> Asked:
    """Return what is kept of a question; `settings` is their `digest`."""
    terms = wish.terms
    return Asked(
        n=wish.n,
        past=person.past.serial,
        counts=question.counts,
        catalogue=question.catalogue,
        settings=settings,
        exclude=tuple(wish.exclude),
        category=wish.category,
        filter=terms.filter,
        pin=dict(terms.pin),
        boost=dict(terms.boost),
        cap=dict(terms.cap),
        diversity=terms.diversity,
        marks=wish.page.marks.astype("<u4").tobytes() if wish.page else b"",
        attributes={} if person.unkept else dict(person.attributes),
        signed_up_at=person.signed_up_at,
        unkept=person.unkept,
    )


def wish_then(impression: Impression, asked: Asked) -> Wish:
    """Return the wish that a list was made for."""
    terms = Terms(asked.filter, asked.pin, asked.boost, asked.cap, asked.diversity)
    marks = np.frombuffer(asked.marks, "<u4").astype(np.uint32)
    page = Page("", asked.n, offset=impression.offset, first=impression.first, marks=marks) if len(marks) else None
    return Wish(asked.n, asked.exclude, asked.category, terms, impression.scenario, page)


def person_then(store: Store, impression: Impression, asked: Asked, *, limit: int) -> Person:
    """Return what was known of whom a list was made for, by the newest `limit` events of that time."""
    actor, session = impression.user_id or impression.session_id, impression.user_id is None
    if actor is None:
        return Person()
    past = store.past_as_of(UserId(actor), limit=limit, serial=asked.past, moment=impression.timestamp, session=session)
    return Person(past, asked.attributes, asked.signed_up_at)


def digest(settings: Settings) -> str:
    """Return 64 bits, in hexadecimal, of the settings that an answer depends on beside its terms."""
    events, recommend = settings.events, settings.recommend
    said = [events.weights, events.unknown, events.default_weight]
    said += [recommend.history, recommend.repeat, recommend.newcomers]
    return blake2b(msgspec.json.encode(said, order="sorted"), digest_size=8).hexdigest()


def forgotten_since(store: Store, moment: datetime) -> Sequence[str]:
    """Return the receipts of those who were forgotten since a moment."""
    return [receipt.erasure_id for receipt in store.erasures(limit=store.count_erasures()) if receipt.asked_at > moment]
