"""An actor's newest events, live and sealed ones together, by whoever they belong to now.

Owns that one read, which every answer waits for: one small query says whether anything is special about the actor, and
of most nothing is. And the same read as of an earlier serial, for which nobody waits.
"""

from collections.abc import Sequence
from sqlite3 import Connection

import polars as pl

from coldframe.domain import Past
from coldframe.events.schema import LAST_TIME_US
from coldframe.store.sqlite import live, persons
from coldframe.store.sqlite.index import Index, merged
from coldframe.store.sqlite.live import Row
from coldframe.store.sqlite.persons import Person
from coldframe.store.sqlite.segments import SERIAL, Segments, of_runs

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


def newest_as_of(
    connection: Connection, index: Index, files: Segments, who: Person, limit: int, serial: int
) -> list[Row]:
    """Return a person's newest rows among the events up to a serial, newest first; none of who is being forgotten."""
    if any(who.user in each.actors for each in persons.pending(connection)):
        return []
    runs = index.holding(connection, who.actors)
    sealed = [
        files.numbered(segment).filter(who.owned() & (pl.col(SERIAL) <= serial)).collect()
        for segment in of_runs(connection, runs)
    ]
    histories = [each.select(live.AS_ROW).rows()[::-1] for each in sealed]
    return merged([persons.newest(connection, who, limit, LAST_TIME_US + 1, serial), *histories], limit)


def told(newest_first: Sequence[Row], serial: int, session: str | None) -> Past:
    """Return what a model is told of some rows; of a session, only those that name it."""
    rows = [row for row in reversed(newest_first) if session is None or row[2] == session]
    return Past([row[3] for row in rows], [row[4] for row in rows], [row[5] for row in rows], serial)


def _joined(connection: Connection, index: Index, who: Person, owner: str | None, limit: int, before: int) -> list[Row]:
    """Return the rows of a user with sessions, or of a session that belongs to `owner`."""
    waiting, sealed = persons.newest(connection, who, limit, before), index.newest_of(connection, who, limit, before)
    rows = merged((waiting, sealed), limit)
    name = who if owner is None else Person(owner, (who.user,))
    return [name.named(row) for row in rows]
