"""A clock that jumps: by a second or by years, forward and back, between one request and the next.

Owns the jumps. Events get the time at which they arrive, as over HTTP; lists are asked for at that time.
"""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coldframe.bundle.registry import Registry
from coldframe.domain import Event, UserId
from coldframe.errors import ColdframeError
from coldframe.serving.engine import Engine
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from faults import Outcome

JUMPS = tuple(
    timedelta(**{unit: sign * size})
    for unit, size in (("seconds", 1), ("hours", 1), ("hours", 24), ("days", 400), ("days", 10_000))
    for sign in (1, -1)
)
FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 1, tzinfo=UTC)
"""Beyond these no time is accepted from anybody."""


class JumpingClock:
    """Says what it is set to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def jump(self, chance: random.Random) -> None:
        """Go anywhere within the years that exist."""
        self.now = min(max(self.now + chance.choice(JUMPS), FIRST), LAST)


def jump(data: Path, *, times: int, seed: int = 7) -> Outcome:
    """Jump so many times; an event arrives and a list is asked for after each. The folder has a promoted bundle."""
    chance, clock = random.Random(seed), JumpingClock(datetime(2026, 1, 1, tzinfo=UTC))
    store = SQLiteStore(data, Settings().store, clock=clock)
    engine = Engine(store, Registry(data / "bundles"), Settings(), clock=clock)
    outcome = Outcome("clock jumps", "0 events lost, every request answered with a whole list")
    before, sent, answered = store.counts().events, list[Event](), 0
    for number in range(times):
        clock.jump(chance)
        try:
            sent.append(_event(number, clock.now))
            store.append_events(sent[-1:])
            engine.refresh()
            answered += len(engine.recommend("ann", n=3).items) == 3
            if number % 100 == 99:
                store.seal(before=clock.now)
        except (ColdframeError, ArithmeticError, ValueError) as error:
            outcome.faults.append(f"jump {number}, to {clock.now}: {error!r}")
    newest = sorted(sent, key=lambda event: (event.timestamp, event.event_id), reverse=True)
    if store.recent_events(UserId("ann"), limit=times) != newest:
        outcome.faults.append("the history is not what was sent, by time")
    store.flush()
    lost = before + times - store.counts().events
    short = times - answered
    outcome.faults += [f"{lost} events are lost"] * bool(lost) + [f"{short} lists are not whole"] * bool(short)
    outcome.figures = {
        "jumps": times,
        "events lost": lost,
        "lists not whole": short,
        "impressions": store.counts().impressions,
    }
    store.close()
    return outcome


def _event(number: int, now: datetime) -> Event:
    return Event(
        event_id=f"jump-{number:06d}", user_id="ann", item_id=f"item-{number % 50}", event_type="view", timestamp=now
    )
