"""POST /v1/events: what happened, one event or many."""

from collections import Counter
from datetime import datetime

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from coldframe.domain import Event
from coldframe.errors import InputError
from coldframe.serving.context import Context
from coldframe.serving.messages import EventsAnswer, EventsBody
from coldframe.serving.validation import to_event
from coldframe.store.protocol import EventReport


class EventsController(Controller):
    """Takes events in."""

    path = "/v1/events"
    tags = ("events",)

    @post(status_code=200)
    async def add(self, data: JSONBody[EventsBody], context: NamedDependency[Context]) -> EventsAnswer:
        """Append one event or a batch; the answer comes when the accepted ones are on the disk.

        A batch is answered with 200 and a report per event, even where some are rejected; a single event that is
        rejected is answered with 400.
        """
        context.check_batch(len(data.raw), "events")
        now = context.clock()
        read = [_read(raw, now) for raw in data.raw]
        reports = await _appended(data, read, context)
        context.metrics.events(report.status for report in reports)
        if data.single and isinstance(read[0], InputError):
            raise read[0]
        tally = Counter(report.status for report in reports)
        return EventsAnswer(
            accepted=tally["accepted"], repeated=tally["repeated"], rejected=tally["rejected"], events=reports
        )


async def _appended(data: EventsBody, read: list[Event | InputError], context: Context) -> list[EventReport]:
    """Store the valid events in one commit and report on all, in the order sent."""
    valid = [entry for entry in read if isinstance(entry, Event)]
    stored = iter(await context.intake.append(valid))
    return [
        next(stored) if isinstance(entry, Event) else _rejected(raw, entry)
        for raw, entry in zip(data.raw, read, strict=True)
    ]


def _read(raw: object, now: datetime) -> Event | InputError:
    try:
        return to_event(raw, now=now)
    except InputError as error:
        return error


def _rejected(raw: object, error: InputError) -> EventReport:
    named = raw.get("event_id") if isinstance(raw, dict) else None
    return EventReport(event_id=named if isinstance(named, str) else None, status="rejected", reason=str(error))
