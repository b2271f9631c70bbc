"""What a feed has done so far, and its report.

Owns counting. Never decides what becomes of a message.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from coldframe.store.protocol import EventReport, EventStatus

MAX_REASONS = 50
"""Distinct reasons that are counted by themselves; a text with a value in it could be another each time."""
OTHER = "another reason"
Tell = Callable[[str], None]
"""Is told, in one sentence, what a person who watches wants to know."""


class FeedReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the messages of one run: each is exactly one of accepted, repeated or rejected.

    `gone`: messages that the broker had removed before they were read. `lag`: messages that wait at the broker, None
    when it has not said yet. `next_offsets` (partition → offset): everything before is stored and committed.
    """

    topic: str
    group: str
    messages: int
    accepted: int
    repeated: int
    rejected: int
    reasons: dict[str, int]
    gone: int
    lag: int | None
    batches: int
    rebalances: int
    uncommitted: int
    next_offsets: dict[int, int]
    dead_letters: str
    seconds: float


class Tally:
    """Counts of one run."""

    def __init__(self) -> None:
        self.batches = 0
        self.statuses: Counter[EventStatus] = Counter()
        self.reasons: Counter[str] = Counter()

    @property
    def messages(self) -> int:
        """How many messages have been settled."""
        return self.statuses.total()

    def add(self, reports: Iterable[EventReport], reasons: Sequence[str]) -> None:
        """Count one settled batch: what the store says of the events, and why the other messages were refused.

        >>> tally = Tally()
        >>> tally.add([EventReport(event_id="e", status="accepted")], ["item_id is empty."])
        >>> tally.messages, dict(tally.reasons)
        (2, {'item_id is empty.': 1})
        """
        self.batches += 1
        self.statuses.update(report.status for report in reports if report.status != "rejected")
        self.statuses["rejected"] += len(reasons)
        for reason in reasons:
            known = reason in self.reasons or len(self.reasons) < MAX_REASONS
            self.reasons[reason if known else OTHER] += 1
