"""Events, impressions and rejects by number, for tests of stores: the same number is always the same record."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from coldframe.domain import Event, Impression
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.store.protocol import Reject

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When event 0 happens; each later number is an hour later."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def event(number: int, **changes: Any) -> Event:
    """Return event `number`: Ann views a pot, `number` hours after `START`."""
    fields: dict[str, Any] = {
        "event_id": f"e{number:06d}",
        "user_id": "ann",
        "item_id": "pot",
        "event_type": "view",
        "timestamp": START + number * HOUR,
    }
    return Event(**(fields | changes))


def events(start: int, stop: int, *, step: int = 1) -> list[Event]:
    """Return events start, start + step … before stop."""
    return [event(number) for number in range(start, stop, step)]


def frame(of: list[Event]) -> pl.DataFrame:
    """Return events as an import reads them: columns and types of `EVENT_COLUMNS`."""
    rows = [
        {name: getattr(each, name) for name in EVENT_COLUMNS}
        | {"context": msgspec.json.encode(each.context).decode() if each.context else None}
        for each in of
    ]
    return pl.DataFrame(rows, schema=EVENT_COLUMNS)


def impression(number: int, **changes: Any) -> Impression:
    """Return impression `number`: two items shown to Ann, `number` hours after `START`."""
    fields: dict[str, Any] = {
        "recommendation_id": f"r{number:06d}",
        "timestamp": START + number * HOUR,
        "items": ("pot", "axe"),
        "scores": (1.0, 0.5),
        "propensities": (1.0, 0.25),
        "mixer_weights": ({"popular": 1.0}, {"popular": 0.5, "content": 0.5}),
        "bundle": "b-1",
        "level": "hybrid",
        "user_id": "ann",
    }
    return Impression(**(fields | changes))


def reject(number: int) -> Reject:
    """Return reject `number`, of line `number` of a file."""
    return Reject(received_at=START, source="events.csv", line=number, reason="no item_id", row="ann,,view")
