"""How much a store holds, live and sealed together."""

import sqlite3

from coldframe.store.protocol import StoreCounts
from coldframe.store.sqlite.live import moment


def count(connection: sqlite3.Connection) -> StoreCounts:
    """Return the counts of one state of the store."""

    def number(table: str) -> int:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608

    sealed, first, last = connection.execute("SELECT total(rows), min(first), max(last) FROM segments").fetchone()
    live_first = connection.execute("SELECT min(timestamp) FROM live_events").fetchone()[0]
    live_last = connection.execute("SELECT max(timestamp) FROM live_events").fetchone()[0]
    firsts = [time for time in (first, live_first) if time is not None]
    lasts = [time for time in (last, live_last) if time is not None]
    return StoreCounts(
        events=int(sealed) + number("live_events"),
        users=number("users"),
        items=number("items"),
        impressions=number("impressions"),
        rejects=number("rejects"),
        first_event=moment(min(firsts)) if firsts else None,
        last_event=moment(max(lasts)) if lasts else None,
    )
