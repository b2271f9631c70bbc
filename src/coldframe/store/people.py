"""What a store promises about persons: that a session and a user become one, and that a user is forgotten.

Owns the shape of a receipt and the promise. Never decides who asks.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from coldframe.domain import UserId


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of one erasure. It names the user by a salted hash alone; each store has its own salt.

    `erased` counts what was removed, by place: live_events, sealed_events, impressions, users, sessions, rejects.
    `finished_at` is None while the sealed events are still being rewritten; nothing shows them meanwhile.
    """

    erasure_id: str
    user_hash: str
    asked_at: datetime
    finished_at: datetime | None = None
    erased: dict[str, int] = {}


@runtime_checkable
class People(Protocol):
    """Identity and erasure. Every method that writes is durable and atomic, as in `Store`."""

    def merge_session(self, session_id: str, user_id: UserId, *, now: datetime) -> bool:
        """Join a session to a user for good; False when it was joined before. Events keep their times.

        From then on every anonymous event of the session, earlier and later ones, is read as the user's. Raises
        `ConflictError` for a session that belongs to another user, or for a chain: a user that is itself such a
        session, a session that others were joined to.
        """
        ...

    def forget_user(self, user_id: UserId, *, now: datetime) -> Erasure:
        """Remove all there is of a user and return the receipt, once nothing of it is left.

        Gone are the user's events, live and sealed, those of sessions joined to the user, the record, the lists shown
        and refused rows that name the user. No read finds any of it from the first moment of the call; whatever arrives
        before its end goes too. A process that dies in the midst leaves the rest to whoever opens the store next. What
        the user does afterwards is a new person's, unless the store was told to refuse it. Repeating it is harmless.
        """
        ...

    def count_erasures(self) -> int:
        """Return how many erasures were ever begun: whoever keeps names of users looks again when it grows."""
        ...

    def erasures(self, *, limit: int = 100) -> Iterator[Erasure]:
        """Yield the newest receipts first, at most `limit`; the unfinished ones too."""
        ...
