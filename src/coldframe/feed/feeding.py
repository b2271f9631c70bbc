"""The loop of a feed: take a batch, store it, keep what was refused, then tell the broker.

Owns that order, which is the whole promise: an offset is committed only when everything before it is on the disk, and
what is delivered again has the id that it had. Never talks to a broker itself and never judges an event.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from coldframe.clock import Clock
from coldframe.domain import Event
from coldframe.errors import InputError, StoreError
from coldframe.feed.letters import DeadLetters
from coldframe.feed.message import Message, read_event
from coldframe.feed.report import FeedReport, Tally, Tell
from coldframe.settings import KafkaSettings
from coldframe.store.protocol import EventReport, Store

RETRY_SECONDS = (0.5, 20.0)
"""The first and the longest pause between two tries to write."""
Show = Callable[[FeedReport], None]
T = TypeVar("T")


class Source(Protocol):
    """Messages of one topic, each partition in its order."""

    @property
    def ended(self) -> bool:
        """Whether a source that was asked for what is there now has no more."""
        ...

    def take(self, most: int) -> list[Message]:
        """Return the next messages, at most `most`; none after a moment without any.

        Raises `InputError` when the broker has been away for too long or the topic is not there.
        """
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Commit that these and all before them are stored; what cannot be committed now is with the next ones."""
        ...

    def drain(self) -> None:
        """Wait until what was acknowledged is committed, for a moment at most."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return the fields of `FeedReport` that only the source knows."""
        ...


class Keeping(NamedTuple):
    """Where a feed puts messages: a store, and a file for those that are no events."""

    store: Store
    letters: DeadLetters


class Feed:
    """One feed from `source` into a store, until `stop` is set or the source has ended."""

    def __init__(
        self,
        source: Source,
        keeping: Keeping,
        settings: KafkaSettings,
        *,
        stop: threading.Event,
        clock: Clock,
        tell: Tell,
        show: Show,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._keeping, self._settings = source, keeping, settings
        self._stop, self._clock, self._monotonic = stop, clock, monotonic
        self._tell, self._show = tell, show
        self._tally, self._started = Tally(), monotonic()

    def run(self) -> FeedReport:
        """Feed until the end and return what was done; a batch that was begun is finished and committed.

        Raises `InputError` and `StoreError` when broker or store were away for `patience_seconds`. Nothing is lost
        then: what is not stored is not committed.
        """
        while not (self._stop.is_set() or self._source.ended):
            messages = self._source.take(self._settings.batch)
            if messages:
                self._settle(messages)
            self._show(self.report())
        self._source.drain()
        return self.report()

    def report(self) -> FeedReport:
        """Return what was done so far."""
        count = self._tally.statuses
        return FeedReport(
            messages=self._tally.messages,
            accepted=count["accepted"],
            repeated=count["repeated"],
            rejected=count["rejected"],
            reasons=dict(self._tally.reasons.most_common()),
            batches=self._tally.batches,
            dead_letters=str(self._keeping.letters.path),
            seconds=round(self._monotonic() - self._started, 3),
            **self._source.facts(),
        )

    def _settle(self, messages: Sequence[Message]) -> None:
        began = self._monotonic()
        read = [self._read(message) for message in messages]
        events = [event for event in read if isinstance(event, Event)]
        reports = self._patiently(lambda: self._keeping.store.append_events(events)) if events else []
        refused = list(_refused(messages, read, iter(reports)))
        self._patiently(lambda: self._keeping.letters.keep(refused))
        self._source.acknowledge(messages)
        self._tally.add(reports, [reason for _, reason in refused])
        if len(messages) == self._settings.batch:
            self._rest(self._monotonic() - began)

    def _read(self, message: Message) -> Event | InputError:
        try:
            return read_event(message, self._clock)
        except InputError as error:
            return error

    def _patiently(self, write: Callable[[], T]) -> T:
        """Write, again and again while the medium fails and patience lasts. Raises `StoreError`."""
        end, pause = self._monotonic() + self._settings.patience_seconds, RETRY_SECONDS[0]
        while True:
            try:
                return write()
            except StoreError as error:
                if self._monotonic() + pause > end or self._stop.is_set():
                    raise
                self._tell(f"{error.message} The feed waits and tries again.")
            self._stop.wait(pause)
            pause = min(2 * pause, RETRY_SECONDS[1])

    def _rest(self, seconds: float) -> None:
        """Leave store and processor to others for their share of the time."""
        share = self._settings.work_share
        self._stop.wait(seconds * (1 - share) / share)


def _refused(
    messages: Sequence[Message], read: Sequence[Event | InputError], reports: Iterator[EventReport]
) -> Iterator[tuple[Message, str]]:
    """Yield the messages that are no events, by the rules or by the store's, with the reason."""
    for message, found in zip(messages, read, strict=True):
        if isinstance(found, InputError):
            yield message, str(found)
        elif (report := next(reports)).status == "rejected":
            yield message, report.reason
