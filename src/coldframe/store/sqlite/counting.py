"""How much a store holds, live and sealed together, and how much of it each item has."""

import sqlite3
from collections import Counter

import polars as pl

from coldframe.events.schema import LAST_TIME_US
from coldframe.store.protocol import ItemCounts, StoreCounts
from coldframe.store.sqlite import persons
from coldframe.store.sqlite.live import moment, newest_seq
from coldframe.store.sqlite.segments import SERIAL, Segments, recorded

_LIVE = "SELECT item_id, count(*) FROM live_events WHERE timestamp >= :start AND seq <= :serial"


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


def by_item(connection: sqlite3.Connection, segments: Segments, start: int, serial: int | None) -> ItemCounts:
    """Return the events per item from `start` (µs) on, less those of who is being forgotten; of all that are accepted,
    or of those up to a serial.

    SQLite and Polars add up; no event becomes an object.
    """
    hidden, newest = persons.pending(connection), newest_seq(connection) if serial is None else serial
    bounds = {"start": start, "serial": newest}
    found = Counter(dict(connection.execute(f"{_LIVE} GROUP BY item_id", bounds)))
    for who in hidden:
        theirs = connection.execute(f"{_LIVE} AND {persons.BELONGS} GROUP BY item_id", who.sql | bounds)
        found.subtract(dict(theirs))
    for segment in recorded(connection, start, LAST_TIME_US + 1):
        events = (
            segments.scan(segment) if serial is None else segments.numbered(segment).filter(pl.col(SERIAL) <= serial)
        )
        events = events.filter(pl.col("timestamp") >= pl.lit(moment(start)))
        for who in hidden:
            events = events.filter(~who.owned())
        found.update(dict(events.group_by("item_id").agg(pl.len()).collect().iter_rows()))
    return ItemCounts({item: events for item, events in found.items() if events}, newest)
