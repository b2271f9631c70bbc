"""/v1/users: who they are. What they should see is in `recommendations`."""

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from coldframe.domain import User, UserId
from coldframe.errors import UnknownIdError
from coldframe.serving.context import Context
from coldframe.serving.messages import Stored, UserBatch, UserIn
from coldframe.serving.validation import checked_id, to_user
from coldframe.store.people import Erasure


class UsersController(Controller):
    """Reads and writes users."""

    path = "/v1/users"
    tags = ("users",)

    @post(status_code=200, sync_to_thread=True)
    def upsert(self, data: JSONBody[UserBatch], context: NamedDependency[Context]) -> Stored:
        """Insert or replace several users; all of them or, where one is refused, none."""
        context.check_batch(len(data.users), "users")
        users = [to_user(given) for given in data.users]
        return Stored(received=len(users), changed=context.store.upsert_users(users))

    @put("/{user_id:str}", sync_to_thread=True)
    def replace(self, user_id: FromPath[str], data: JSONBody[UserIn], context: NamedDependency[Context]) -> Stored:
        """Insert or replace one user's record."""
        user = to_user(data, user_id=user_id)
        return Stored(received=1, changed=context.store.upsert_users([user]))

    @get("/{user_id:str}", sync_to_thread=True)
    def show(self, user_id: FromPath[str], context: NamedDependency[Context]) -> User:
        """Return one user's record."""
        user = context.store.user(UserId(checked_id(user_id, "user_id")))
        if user is None:
            raise _unknown(user_id)
        return user

    @delete("/{user_id:str}", status_code=200, sync_to_thread=True)
    def forget(self, user_id: FromPath[str], context: NamedDependency[Context]) -> Erasure:
        """Forget a user: events, joined sessions, record, lists shown, refused rows. There is no way back.

        No answer shows any of it from the first moment on. The answer is the receipt, once all of it is gone; writing
        sealed events again may take a while. Repeating it is harmless, and goes on where an earlier call was cut short.
        """
        return context.store.forget_user(UserId(checked_id(user_id, "user_id")), now=context.clock())


def _unknown(user_id: str) -> UnknownIdError:
    return UnknownIdError(f"There is no record of user {user_id!r}.", remedy="PUT it first, or check the id.")
