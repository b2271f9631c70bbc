"""An actor's newest events, live and sealed ones together, by whoever they belong to now.

Owns that one read, which every answer waits for: one small query says whether anything is special about the actor, and
of most nothing is.
"""

from sqlite3 import Connection

from coldframe.store.sqlite import live, persons
from coldframe.store.sqlite.index import Index, merged
from coldframe.store.sqlite.live import Row
from coldframe.store.sqlite.persons import Person

_SPECIAL = """SELECT session, user FROM merges WHERE user = ?1
    UNION ALL SELECT session, user FROM merges WHERE session = ?1
    UNION ALL SELECT NULL, user FROM erasures WHERE user IS NOT NULL"""
"""Sessions joined to an actor, whom the actor is a session of, and who is being forgotten: of most, nothing."""


def newest(connection: Connection, index: Index, actor: str, limit: int, before: int) -> list[Row]:
    """Return an actor's newest rows with timestamp < before, newest first; none of who is being forgotten.

    A user's are those of the sessions joined to it, too. A session's are its own, in the name of the user that it was
    joined to.
    """
    special = connection.execute(_SPECIAL, (actor,)).fetchall()
    if not special:
        waiting, sealed = live.newest(connection, actor, limit, before), index.newest(connection, actor, limit, before)
        return merged((waiting, sealed), limit)
    owner = next((user for session, user in special if session == actor), None)
    if any(session is None and user in (actor, owner) for session, user in special):
        return []
    sessions = tuple(sorted(session for session, user in special if session is not None and user == actor))
    return _joined(connection, index, Person(actor, sessions), owner, limit, before)


def _joined(connection: Connection, index: Index, who: Person, owner: str | None, limit: int, before: int) -> list[Row]:
    """Return the rows of a user with sessions, or of a session that belongs to `owner`."""
    waiting, sealed = persons.newest(connection, who, limit, before), index.newest_of(connection, who, limit, before)
    rows = merged((waiting, sealed), limit)
    name = who if owner is None else Person(owner, (who.user,))
    return [name.named(row) for row in rows]
