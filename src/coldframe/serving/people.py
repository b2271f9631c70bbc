"""/v1/identity and /v1/erasures: who is whom, and who was forgotten."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from coldframe.domain import UserId
from coldframe.errors import InputError
from coldframe.serving.context import Context
from coldframe.serving.messages import Erasures, Merge, Merged
from coldframe.serving.validation import checked_id

MAX_RECEIPTS = 1_000


class PeopleController(Controller):
    """Joins sessions to users, and shows receipts."""

    path = "/v1"
    tags = ("users",)

    @post("/identity/merge", status_code=200, sync_to_thread=True)
    def merge(self, data: JSONBody[Merge], context: NamedDependency[Context]) -> Merged:
        """Join a session to a user for good: what the visitor did before signing in counts from the next answer on.

        Repeating it changes nothing. A session that belongs to another user is answered with 409.
        """
        session, user = checked_id(data.session_id, "session_id"), checked_id(data.user_id, "user_id")
        merged = context.store.merge_session(session, UserId(user), now=context.clock())
        return Merged(session_id=session, user_id=user, merged=merged)

    @get("/erasures", sync_to_thread=True)
    def erasures(self, context: NamedDependency[Context], limit: FromQuery[int] = 100) -> Erasures:
        """List the receipts of who was forgotten, newest first; they name nobody."""
        if not 1 <= limit <= MAX_RECEIPTS:
            raise InputError(f"limit is {limit}.", remedy=f"Ask for 1 to {MAX_RECEIPTS} receipts.")
        return Erasures(erasures=list(context.store.erasures(limit=limit)))
