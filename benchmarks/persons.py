"""What identity and erasure cost: a history, a scan and the forgetting of one user, each beside the same without.

    python benchmarks/persons.py [--events 1000000] [--users 20000] [--sessions 10000]

The first users have a joined session each, the others none. Prints CPU times and ratios of one run. A history is
compared with the two reads it was made of before sessions could be joined; forgetting with importing the very same
events.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

from coldframe.domain import UserId
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, live
from coldframe.store.sqlite.index import newest_first

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = 500
TURNS = 9


def log(n_events: int, n_users: int) -> pl.DataFrame:
    """Return events of users drawn at random over ninety days."""
    draw = np.random.default_rng(7)
    micros = int(NOW.timestamp() * 1e6) + np.sort(draw.integers(0, 90 * 86_400_000_000, n_events))
    frame = pl.DataFrame(
        {
            "event_id": [f"e{n:09d}" for n in range(n_events)],
            "user_id": [f"u{n:07d}" for n in draw.integers(0, n_users, n_events)],
            "item_id": [f"i{n:05d}" for n in draw.integers(0, 5_000, n_events)],
            "event_type": ["view"] * n_events,
            "timestamp": pl.Series(micros).cast(pl.Datetime("us", "UTC")),
        }
    )
    return frame.with_columns(
        pl.lit(None, kind).alias(c) for c, kind in EVENT_COLUMNS.items() if c not in frame.columns
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    started = process_time()
    work()
    return process_time() - started


def histories(store: SQLiteStore, users: list[str]) -> tuple[float, float]:
    """Return µs of CPU per history as it is read, and how many times its two bare reads that is: the best of turns."""
    end = 2**62

    def bare(user: str) -> None:
        with store._readers.reading("read a history") as connection:
            waiting = live.newest(connection, user, HISTORY, end)
            sealed = store._index.newest(connection, user, HISTORY, end)
        [live.to_event(row) for row in islice(merge(waiting, sealed, key=newest_first, reverse=True), HISTORY)]

    def each(read: Callable[[str], object]) -> float:
        return seconds(lambda: [read(user) for user in users]) / len(users) * 1e6

    turns = [(each(lambda user: store.recent_events(UserId(user), limit=HISTORY)), each(bare)) for _ in range(TURNS)]
    now, alone = (min(turn[place] for turn in turns) for place in (0, 1))
    return now, now / alone


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder), Settings().store)
        events = log(given.events, given.users)
        importing = seconds(lambda: store.import_events(events.iter_slices(100_000)))
        users = [f"u{n:07d}" for n in range(given.users)]
        before = seconds(lambda: store.scan_events().collect())
        for number in range(given.sessions):
            store._writer.queue(_join(f"s{number:07d}", users[number]))
        store.flush()
        store.scan_events()
        after = seconds(lambda: store.scan_events().collect())
        joined = histories(store, users[: given.sessions][:300])
        plain = histories(store, users[given.sessions :][:300])
        forgetting = seconds(lambda: store.forget_user(UserId(users[1]), now=NOW + timedelta(days=99)))
        store.close()
    print(f"{given.events:,} events, {given.users:,} users, {given.sessions:,} joined sessions; CPU times")
    for name, (now, ratio) in {"without a session": plain, "with a session": joined}.items():
        print(f"history of a user {name:<22}{now:>9.0f} µs  {ratio:>6.2f} × its two bare reads")
    print(f"{'scan with joined sessions':<40}{after:>9.2f} s   {after / before:>6.2f} × without")
    print(f"{'forgetting one user':<40}{forgetting:>9.2f} s   {forgetting / importing:>6.2f} × importing all events")
    return 0


def _join(session: str, user: str) -> Callable[..., bool]:
    from coldframe.store.sqlite import persons

    return lambda connection, _sealed: persons.join(connection, session, user, 0)


if __name__ == "__main__":
    sys.exit(main())
