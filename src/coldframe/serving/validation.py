"""From the wire's structs to the nouns of `domain`, by the rules of `events.rules`.

Owns what a request may leave out or say twice. Never touches a store.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from coldframe.domain import Event, Item, Scalar, User
from coldframe.errors import InputError
from coldframe.events.rules import MAX_POSITION, checked_id, checked_map, checked_text, checked_time, event_type
from coldframe.serving.body import convert
from coldframe.serving.messages import EventIn, ItemIn, PastEvent, UserIn


def to_event(raw: object, *, now: datetime) -> Event:
    """Return what a caller sent as an event. Raises `InputError`."""
    given = convert(raw, EventIn)
    if given.user_id is None and given.session_id is None:
        raise InputError("The event has neither user_id nor session_id.", remedy="Say who did it.")
    if given.position is not None and not 0 <= given.position <= MAX_POSITION:
        raise InputError(f"position is {given.position}.", remedy="Count positions from 0.")
    ids = ("item_id", "user_id", "session_id", "event_id", "recommendation_id")
    for name in ids:
        if (value := getattr(given, name)) is not None:
            checked_id(value, name)
    return Event(
        event_id=given.event_id or uuid.uuid4().hex,
        item_id=given.item_id,
        event_type=event_type(given.event_type, given.value),
        timestamp=now if given.timestamp is None else checked_time(given.timestamp, "timestamp"),
        user_id=given.user_id,
        session_id=given.session_id,
        value=given.value,
        recommendation_id=given.recommendation_id,
        position=given.position,
        context=checked_map(given.context, "context"),
    )


def to_past_event(given: PastEvent, *, actor: str, now: datetime) -> Event:
    """Return one event of an anonymous visitor's past; it is never stored. Raises `InputError`."""
    return Event(
        event_id=uuid.uuid4().hex,
        item_id=checked_id(given.item_id, "item_id"),
        event_type=event_type(given.event_type, given.value),
        timestamp=now if given.timestamp is None else checked_time(given.timestamp, "timestamp"),
        session_id=actor,
        value=given.value,
    )


def to_item(given: ItemIn, *, item_id: str | None = None) -> Item:
    """Return an item; `item_id` is the one that the address names. Raises `InputError`."""
    return Item(
        item_id=_one_id(given.item_id, item_id, "item_id"),
        title=checked_text(given.title, "title"),
        text=checked_text(given.text, "text"),
        categories=tuple(checked_id(value, "a category") for value in given.categories),
        tags=tuple(checked_id(value, "a tag") for value in given.tags),
        numeric={checked_id(name, "a numeric's name"): value for name, value in given.numeric.items()},
        embedding=None if given.embedding is None else tuple(given.embedding),
        created_at=_checked_optional(given.created_at, "created_at"),
        expires_at=_checked_optional(given.expires_at, "expires_at"),
        available=given.available,
    )


def to_user(given: UserIn, *, user_id: str | None = None) -> User:
    """Return a user; `user_id` is the one that the address names. Raises `InputError`."""
    return User(
        user_id=_one_id(given.user_id, user_id, "user_id"),
        signed_up_at=_checked_optional(given.signed_up_at, "signed_up_at"),
        attributes=checked_map(given.attributes, "attributes"),
    )


def checked_attributes(attributes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return a visitor's attributes. Raises `InputError`."""
    return checked_map(attributes, "attributes")


def split_ids(values: Iterable[str] | None, name: str) -> list[str]:
    """Return ids given as a repeated parameter, each of which may hold several, separated by commas.

    >>> split_ids(["a,b", "c"], "exclude")
    ['a', 'b', 'c']
    """
    return [checked_id(part, name) for value in values or () for part in value.split(",") if part]


def _one_id(own: str | None, named: str | None, name: str) -> str:
    if own is not None and named is not None and own != named:
        raise InputError(f"The address names another {name} than the body.", remedy=f"Leave {name} out of the body.")
    found = own if named is None else named
    if found is None:
        raise InputError(f"{name} is missing.", remedy="Name each record.")
    return checked_id(found, name)


def _checked_optional(value: datetime | None, name: str) -> datetime | None:
    return None if value is None else checked_time(value, name)
