"""All runs of one store, as the table `runs` lists them, opened once and kept.

Owns asking every run. Never writes one: `sealing` does.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import compress, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldframe.hashing import Digests, digests
from coldframe.store.sqlite.live import Row
from coldframe.store.sqlite.persons import Person
from coldframe.store.sqlite.runs import Run


def merged(histories: Iterable[Sequence[Row]], limit: int) -> list[Row]:
    """Return the newest rows of histories that are newest first: by timestamp, then by id."""
    some = [history for history in histories if history]
    if len(some) == 1:
        return list(some[0][:limit])
    return list(islice(merge(*some, key=_newest_first, reverse=True), limit))


def _newest_first(row: Row) -> tuple[int, str]:
    return row[5], row[0]


class Index:
    """Finds ids and histories among the sealed events."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Run] = {}

    def runs(self, connection: sqlite3.Connection) -> list[Run]:
        """Return the runs of the state that the connection sees."""
        names = [row[0] for row in connection.execute("SELECT name FROM runs")]
        opened = self._open
        found = {name: opened[name] if name in opened else Run(self.folder / name) for name in names}
        if found.keys() != opened.keys():
            self._open = found
        return list(found.values())

    def sealed(self, connection: sqlite3.Connection, event_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are sealed."""
        runs = self.runs(connection)
        if not runs or not event_ids:
            return set()
        return set(compress(event_ids, known(runs, digests(event_ids))))

    def newest(self, connection: sqlite3.Connection, actor: str, limit: int, before: int) -> list[Row]:
        """Return an actor's newest sealed rows with timestamp < before, newest first."""
        hashed = digests([actor])
        histories = [run.newest(hashed, limit, before) for run in self.runs(connection)]
        return merged(histories, limit)

    def holding(self, connection: sqlite3.Connection, actors: Sequence[str]) -> list[str]:
        """Return the names of the runs that hold an event of any of the actors."""
        self.runs(connection)
        wanted = digests(actors)
        return [name for name, run in sorted(self._open.items()) if run.holds(wanted).any()]

    def newest_of(self, connection: sqlite3.Connection, who: Person, limit: int, before: int) -> list[Row]:
        """Return a person's newest sealed rows with timestamp < before, newest first."""
        wanted = digests(who.actors)
        histories = [
            [row for row in run.newest(wanted[place : place + 1], limit, before) if who.owns(row)]
            for run in self.runs(connection)
            for place in np.flatnonzero(run.holds(wanted))
        ]
        return merged(histories, limit)


def known(runs: Sequence[Run], wanted: Digests) -> NDArray[np.bool_]:
    """Return which ids any of the runs holds, shape (n,)."""
    found = np.zeros(len(wanted), dtype=bool)
    for run in runs:
        found |= run.contains(wanted)
    return found
