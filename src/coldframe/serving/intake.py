"""Where events of all requests meet: what gathers while one commit is under way becomes the next.

Owns the groups and their bound. A request is answered after the commit of its group, never before; until then it holds
no thread. How a commit becomes durable is the store's business.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

from coldframe.domain import Event
from coldframe.errors import StoreBusyError
from coldframe.store.protocol import EventReport, Store

GROUP_EVENTS = 5_000
"""A group is closed when it has so many events: no single one waits long behind large batches."""


@dataclass(eq=False)
class _Entry:
    events: Sequence[Event]
    done: asyncio.Future[list[EventReport]]


class Intake:
    """Appends events for many requests of one event loop."""

    def __init__(self, store: Store, limit: int) -> None:
        """`limit` bounds the events that wait, as `store.queue_events` says."""
        self._store = store
        self._limit = limit
        self._gathered: list[_Entry] = []
        self._held = 0
        self._committing: asyncio.Task[None] | None = None

    async def append(self, events: Sequence[Event]) -> list[EventReport]:
        """Return what became of events once they are durable. Raises `StoreError`; `StoreBusyError` when full.

        No bound keeps a request out that comes alone.
        """
        if not events:
            return []
        if self._held and self._held + len(events) > self._limit:
            raise self._full(len(events))
        entry = _Entry(events, asyncio.get_running_loop().create_future())
        self._gathered.append(entry)
        self._held += len(events)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await entry.done

    def _full(self, more: int) -> StoreBusyError:
        return StoreBusyError(
            f"{self._held} events wait to be written, so {more} more are refused.",
            remedy=f"Try again in a second; store.queue_events (now {self._limit}) bounds the queue.",
        )

    async def _commit_all(self) -> None:
        """Commit group after group until nothing is gathered."""
        while self._gathered:
            await self._commit(self._next_group())
        self._committing = None

    def _next_group(self) -> list[_Entry]:
        events, size = 0, 0
        for entry in self._gathered:
            if size and events + len(entry.events) > GROUP_EVENTS:
                break
            events, size = events + len(entry.events), size + 1
        group, self._gathered = self._gathered[:size], self._gathered[size:]
        return group

    async def _commit(self, group: list[_Entry]) -> None:
        events = list(chain.from_iterable(entry.events for entry in group))
        written = asyncio.ensure_future(asyncio.to_thread(self._store.append_events, events))
        await asyncio.wait([written])
        self._held -= len(events)
        error = written.exception()
        reports = iter(() if error else written.result())
        for entry in group:
            mine = list(islice(reports, len(entry.events)))
            if entry.done.done():  # its client has left
                continue
            if error is None:
                entry.done.set_result(mine)
            else:
                entry.done.set_exception(error)
