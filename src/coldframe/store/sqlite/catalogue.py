"""Items, each with the version of the catalogue at which it last changed, so that what changed is read alone.

Owns the version: it grows by one with every write that changes an item. Commits nothing, as `records`.
"""

import sqlite3

from coldframe.domain import Item, ItemId
from coldframe.store.sqlite.records import PAGE, Records
from coldframe.store.sqlite.writer import Apply

_UPSERT = """INSERT INTO items (id, body, changed) VALUES (?, ?, ?) ON CONFLICT (id)
    DO UPDATE SET body = excluded.body, changed = excluded.changed WHERE body != excluded.body"""
_CHANGED = "SELECT changed, id, body FROM items WHERE (changed, id) > (?, ?) ORDER BY changed, id LIMIT ?"
_REMOVED = """SELECT id FROM removed_items WHERE changed > ? AND NOT EXISTS
    (SELECT 1 FROM items WHERE items.id = removed_items.id)"""


class Catalogue(Records[Item]):
    """The items on sale and those of the past that nobody removed."""

    def __init__(self) -> None:
        super().__init__("items", Item)

    def upsert(self, bodies: dict[str, bytes]) -> Apply[int]:
        """Return the job that stores items by id and counts those that changed."""

        def apply(connection: sqlite3.Connection, _sealed: set[str]) -> int:
            following = version(connection) + 1
            rows = [(item_id, body, following) for item_id, body in bodies.items()]
            return _counted(connection, connection.executemany(_UPSERT, rows).rowcount if rows else 0)

        return apply

    def delete(self, record_id: str) -> Apply[bool]:
        """Return the job that removes an item and says whether it was there."""

        def apply(connection: sqlite3.Connection, _sealed: set[str]) -> bool:
            removed = (record_id, version(connection) + 1)
            if not connection.execute("DELETE FROM items WHERE id = ?", (record_id,)).rowcount:
                return False
            connection.execute("INSERT OR REPLACE INTO removed_items VALUES (?, ?)", removed)
            return _counted(connection, 1) > 0

        return apply

    def changed(self, connection: sqlite3.Connection, after: tuple[int, str]) -> list[tuple[tuple[int, str], Item]]:
        """Return the next items after (version at which it changed, id), in that order."""
        rows = connection.execute(_CHANGED, (*after, PAGE))
        return [((changed, item_id), self._decoder.decode(body)) for changed, item_id, body in rows]


def removed(connection: sqlite3.Connection, since: int) -> list[ItemId]:
    """Return, in order, the items that were removed after a version and are not there now."""
    return sorted(item_id for (item_id,) in connection.execute(_REMOVED, (since,)))


def version(connection: sqlite3.Connection) -> int:
    """Return the number of changes of the catalogue."""
    return connection.execute("SELECT value FROM counters WHERE name = 'catalogue'").fetchone()[0]


def _counted(connection: sqlite3.Connection, changed: int) -> int:
    if changed:
        connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'catalogue'")
    return changed
