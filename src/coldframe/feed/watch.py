"""Whether the brokers are there: how long they have not answered, and when that has been too long.

Owns patience. Never talks to a broker: it is told what came of asking.
"""

from coldframe.errors import InputError
from coldframe.feed.report import Tell
from coldframe.settings import KafkaSettings

LOOK_SECONDS, LOOK_AGAIN_SECONDS = 5.0, 1.0
"""How often brokers are asked while no message comes, and while something is wrong."""
MISSING_TIMES = 3
"""A topic that was just made may be unknown to a broker for a moment."""


class Watch:
    """Knows when to ask and when to give up; `now` is always monotonic seconds."""

    def __init__(self, settings: KafkaSettings, tell: Tell, *, now: float) -> None:
        self._last_error = self._trouble = ""
        self._brokers, self._topic, self._tell = settings.brokers, settings.topic, tell
        self._patience = settings.patience_seconds
        self._answered_at = now
        self._next_look = now
        self._away, self._missing = False, 0

    def due(self, now: float) -> bool:
        """Return whether it is time to ask."""
        return now >= self._next_look

    def suspect(self, error: str) -> None:
        """Ask at the next occasion: a connection failed, for a reason that is worth telling if nobody answers."""
        self._last_error = error or self._last_error
        self._next_look = 0.0

    def trouble(self, error: str) -> None:
        """Tell what a broker says is wrong, once until messages come again."""
        if error != self._trouble:
            self._tell(f"A broker says: {error}.")
        self._trouble = error
        self._next_look = 0.0

    def delivered(self, now: float) -> None:
        """Note messages: everything works."""
        self._trouble = ""
        self.answered(now)

    def answered(self, now: float) -> None:
        """Note an answer in which the topic is."""
        if self._away:
            self._tell(f"A broker of {self._brokers} answers again.")
        self._away, self._missing, self._last_error = False, 0, ""
        self._answered_at, self._next_look = now, now + LOOK_SECONDS

    def missing(self, now: float) -> None:
        """Note an answer without the topic. Raises `InputError` when that is certain."""
        self._missing += 1
        self._answered_at, self._next_look = now, now + LOOK_AGAIN_SECONDS
        if self._missing >= MISSING_TIMES:
            raise InputError(
                f"The brokers at {self._brokers} have no topic {self._topic!r}.",
                remedy="Create it, or check --topic.",
            )

    def silent(self, now: float) -> None:
        """Note that nobody answered. Raises `InputError` when that has lasted too long."""
        self._next_look = now + LOOK_AGAIN_SECONDS
        why = f" ({self._last_error})" if self._last_error else ""
        if now - self._answered_at > self._patience:
            raise InputError(
                f"No broker has answered at {self._brokers} for {self._patience:g} seconds{why}.",
                remedy="Check --brokers and the network, then run it again: nothing is lost.",
            )
        if not self._away:
            self._tell(f"No broker answers at {self._brokers}{why}; the feed tries for {self._patience:g} seconds.")
        self._away = True
