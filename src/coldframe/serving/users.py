"""/v1/users: who they are. What they should see is in `recommendations`."""

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from coldframe.domain import User, UserId
from coldframe.errors import UnknownIdError
from coldframe.serving.context import Context
from coldframe.serving.messages import Stored, UserBatch, UserIn
from coldframe.serving.validation import checked_id, to_user


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

    @delete("/{user_id:str}", sync_to_thread=True)
    def remove(self, user_id: FromPath[str], context: NamedDependency[Context]) -> None:
        """Remove one user's record; the events stay."""
        if not context.store.delete_user(UserId(checked_id(user_id, "user_id"))):
            raise _unknown(user_id)


def _unknown(user_id: str) -> UnknownIdError:
    return UnknownIdError(f"There is no record of user {user_id!r}.", remedy="PUT it first, or check the id.")
