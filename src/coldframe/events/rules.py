"""What every id, time, text and rating must be, wherever it comes from: a request, a file or a frame.

Owns the rules for one value at a time. Never sees a request, a file or a store.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from coldframe.domain import MAX_ID_BYTES, MAX_TEXT_CHARS, Scalar
from coldframe.errors import InputError
from coldframe.events.schema import FIRST_TIME_US, LAST_TIME_US

MAX_POSITION = 2**31 - 1
"""Largest position in a list; positions count from 0."""
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


def checked_text(value: str | None, name: str) -> str | None:
    """Return free text. Raises `InputError` beyond 100,000 characters or with NUL."""
    if value is not None and ("\x00" in value or len(value) > MAX_TEXT_CHARS):
        raise InputError(f"{name} is too long or holds NUL.", remedy=f"Use at most {MAX_TEXT_CHARS} characters.")
    return value


def checked_map(values: Mapping[str, Scalar], name: str) -> dict[str, Scalar]:
    """Return a context or attributes. Raises `InputError` for a name that is no id or a text that is too long."""
    for key, value in values.items():
        checked_id(key, f"a name in {name}")
        if isinstance(value, str):
            checked_text(value, f"{name}.{key}")
    return dict(values)


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
