"""From the wire's structs to the nouns of `domain`: ids that any store can hold, times in range, whole ratings.

Owns the rules that types cannot say. Never touches a store.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from coldframe.domain import MAX_ID_BYTES, MAX_TEXT_CHARS, Event, Item, Scalar, User
from coldframe.errors import InputError
from coldframe.events.schema import FIRST_TIME_US, LAST_TIME_US
from coldframe.serving.body import convert
from coldframe.serving.messages import EventIn, ItemIn, PastEvent, UserIn

MAX_POSITION = 2**31 - 1
_FIRST = datetime.fromtimestamp(FIRST_TIME_US / 1e6, UTC)
_LAST = datetime.fromtimestamp(LAST_TIME_US / 1e6, UTC)


def checked_id(value: str, name: str) -> str:
    """Return an id (or tag, or category). Raises `InputError` unless it has 1 to 512 UTF-8 bytes and no NUL.

    >>> checked_id("sku-7", "item_id")
    'sku-7'
    """
    if "\x00" in value or not 1 <= len(value.encode()) <= MAX_ID_BYTES:
        raise InputError(f"{name} is empty, too long or holds NUL.", remedy=f"Use 1 to {MAX_ID_BYTES} bytes of text.")
    return value


def checked_time(value: datetime, name: str) -> datetime:
    """Return a time in UTC; one without a zone is UTC. Raises `InputError` outside 1970 … 2200."""
    try:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    if not _FIRST <= moment < _LAST:
        raise InputError(f"{name} is {value.isoformat()}.", remedy="Send a time from 1970 to 2199, in ISO 8601.")
    return moment


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
        context=_checked_map(given.context, "context"),
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
        title=_checked_text(given.title, "title"),
        text=_checked_text(given.text, "text"),
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
        attributes=_checked_map(given.attributes, "attributes"),
    )


def checked_attributes(attributes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return a visitor's attributes. Raises `InputError`."""
    return _checked_map(attributes, "attributes")


def split_ids(values: Iterable[str] | None, name: str) -> list[str]:
    """Return ids given as a repeated parameter, each of which may hold several, separated by commas.

    >>> split_ids(["a,b", "c"], "exclude")
    ['a', 'b', 'c']
    """
    return [checked_id(part, name) for value in values or () for part in value.split(",") if part]


def event_type(name: str, value: float | None) -> str:
    """Return the event type; "rating" takes its value into its name. Raises `InputError`.

    >>> event_type("rating", 4.0), event_type("view", None)
    ('rating_4', 'view')
    """
    checked_id(name, "event_type")
    if name != "rating":
        return name
    if value not in (1, 2, 3, 4, 5):
        raise InputError(f"The rating's value is {value}.", remedy="Send a whole number from 1 to 5.")
    return f"rating_{int(value)}"


def _one_id(own: str | None, named: str | None, name: str) -> str:
    if own is not None and named is not None and own != named:
        raise InputError(f"The address names another {name} than the body.", remedy=f"Leave {name} out of the body.")
    found = own if named is None else named
    if found is None:
        raise InputError(f"{name} is missing.", remedy="Name each record.")
    return checked_id(found, name)


def _checked_text(value: str | None, name: str) -> str | None:
    if value is not None and ("\x00" in value or len(value) > MAX_TEXT_CHARS):
        raise InputError(f"{name} is too long or holds NUL.", remedy=f"Use at most {MAX_TEXT_CHARS} characters.")
    return value


def _checked_optional(value: datetime | None, name: str) -> datetime | None:
    return None if value is None else checked_time(value, name)


def _checked_map(values: Mapping[str, Scalar], name: str) -> dict[str, Scalar]:
    for key, value in values.items():
        checked_id(key, f"a name in {name}")
        if isinstance(value, str):
            _checked_text(value, f"{name}.{key}")
    return dict(values)
