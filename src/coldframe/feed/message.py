"""One message of a broker, and the event in it, by the very rules of POST /v1/events.

Owns what a message says that its text does not: an id for an event without one, and when it happened. Never judges an
event itself and never talks to a broker.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from coldframe.clock import Clock
from coldframe.domain import Event
from coldframe.errors import InputError
from coldframe.serving import body, validation
from coldframe.serving.problems import RefusedError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Message(NamedTuple):
    """What a broker delivered, and from where; `stamp` is its time in milliseconds since 1970, None without one.

    Topic, partition and offset name a message for as long as the topic lives, and a redelivery has the same stamp.
    """

    topic: str
    partition: int
    offset: int
    stamp: int | None
    key: bytes | None
    value: bytes | None

    @property
    def event_id(self) -> str:
        """The id of an event that brings none: the same whenever this message is delivered.

        The stamp is part of it, so that a topic that was deleted and made anew does not repeat the old one's ids.

        >>> Message("clicks", 3, 17, 1767225600000, None, b"{}").event_id
        'clicks/3/17@1767225600000'
        """
        return f"{self.topic}/{self.partition}/{self.offset}@{'' if self.stamp is None else self.stamp}"


def read_event(message: Message, clock: Clock) -> Event:
    """Return the event that a message holds. Raises `InputError`.

    Without a timestamp it happened when the message was stamped, or now where it was not.
    """
    if not message.value:
        raise InputError("The message has no value.", remedy="Send one event as JSON.")
    try:
        raw = body.decode(message.value)
    except RefusedError as error:
        raise InputError(error.problem.detail, remedy=error.problem.remedy) from error
    if isinstance(raw, dict) and raw.get("event_id") is None:
        raw = {**raw, "event_id": message.event_id}
    return validation.to_event(raw, now=_stamped(message, clock))


def _stamped(message: Message, clock: Clock) -> datetime:
    if message.stamp is None:
        return clock()
    try:
        return _EPOCH + timedelta(milliseconds=message.stamp)
    except OverflowError as error:
        raise InputError(f"The message's own time is {message.stamp} ms.", remedy="Send a timestamp.") from error
