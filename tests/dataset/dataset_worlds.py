"""Small event logs as the dataset's tests write them: rows of (user, item, day[, type])."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

from coldframe.dataset.training_set import micros
from coldframe.events.schema import EVENT_COLUMNS

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ["view", "click", "purchase", "rating_1", "wink"]


def at(day):
    return START + timedelta(days=day)


def time(day):
    return micros(at(day))


def log(*rows):
    """Events e0, e1, …; a user id that starts with "s" is a session without a user."""
    full = [
        {
            "event_id": f"e{number}",
            "session_id" if row[0].startswith("s") else "user_id": row[0],
            "item_id": row[1],
            "timestamp": at(row[2]),
            "event_type": row[3] if len(row) > 3 else "purchase",
        }
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=EVENT_COLUMNS)


def words(training_set):
    """Interactions in words: (user, item, day, weight)."""
    seen = training_set.interactions
    parts = zip(seen.user, seen.item, seen.timestamp, seen.weight, strict=True)
    users, items = training_set.users.ids, training_set.items.ids
    return [
        (users[user], items[item], (when - time(0)) / 86_400e6, round(float(weight), 4))
        for user, item, when, weight in parts
    ]


def met(training_set):
    """Who met what, by id."""
    return {
        user: [training_set.items.ids[row] for row in training_set.seen.row(n)]
        for n, user in enumerate(training_set.users.ids)
    }


rows = st.tuples(
    st.sampled_from(["ann", "bob", "cyd", "s1"]),
    st.sampled_from(["a", "b", "c", "d", "é", "Z"]),
    st.sampled_from([0, 0.25, 1, 2, 30, 89.5, 90, 100]),
    st.sampled_from(KINDS),
)
logs = st.lists(rows, min_size=1, max_size=25).map(lambda drawn: log(("ann", "a", 100), *drawn))
