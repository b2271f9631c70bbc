"""An actor's newest events, live and sealed ones together, by whoever they belong to now.

Owns that one read, which every answer waits for: two small queries say whether anything is special about the actor, and
for most nothing is.
"""

from heapq import merge
from itertools import islice
from sqlite3 import Connection

from coldframe.store.sqlite import live, persons
from coldframe.store.sqlite.index import Index, newest_first
from coldframe.store.sqlite.live import Row
from coldframe.store.sqlite.persons import Person


def newest(connection: Connection, index: Index, actor: str, limit: int, before: int) -> list[Row]:
    """Return an actor's newest rows with timestamp < before, newest first; none of who is being forgotten.

    A user's are those of the sessions joined to it, too. A session's are its own, in the name of the user that it was
    joined to.
    """
    if any(actor in who.actors for who in persons.pending(connection)):
        return []
    who, owner = _joined(connection, actor)
    if who.sessions:
        waiting, sealed = (
            persons.newest(connection, who, limit, before),
            index.newest_of(connection, who, limit, before),
        )
    else:
        waiting, sealed = live.newest(connection, actor, limit, before), index.newest(connection, actor, limit, before)
    rows = islice(merge(waiting, sealed, key=newest_first, reverse=True), limit)
    return [(owner or who).named(row) for row in rows] if owner or who.sessions else list(rows)


def _joined(connection: Connection, actor: str) -> tuple[Person, Person | None]:
    """Return the actor with its sessions, and the user that the actor itself is a session of."""
    rows = connection.execute("SELECT session, user FROM merges WHERE user = ?1 OR session = ?1", (actor,)).fetchall()
    sessions = tuple(sorted(session for session, user in rows if user == actor))
    owner = next((Person(user, (actor,)) for _, user in rows if user != actor), None)
    return Person(actor, sessions), owner
