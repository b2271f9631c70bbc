"""Measures the embedded store: import, histories, scans, durable events a second, and the same as it grows.

    python benchmarks/store.py [--folder DIR] [--grow 0] [--threads 64] [--seconds 5]

The folder's disk is what is measured (default: the working directory); it is left as it was. --grow N seals N further
events in parts of a million before the histories are read again.
"""

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

from coldframe.demo.shipped import SHIPPED
from coldframe.domain import Event, UserId
from coldframe.events.schema import EVENT_COLUMNS, TIME
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def identified(rows: pl.DataFrame, salt: str) -> pl.DataFrame:
    """Return rows with all columns of the log and an id for each, as an importer derives them."""
    keys = rows.select(pl.concat_str(pl.lit(salt), pl.all().cast(pl.String), separator="\x1f", ignore_nulls=True))
    ids = [
        hashlib.sha256(f"{key}\x1f{row}".encode()).hexdigest()[:32]
        for row, key in enumerate(keys.to_series().to_list())
    ]
    known = rows.with_columns(pl.Series("event_id", ids))
    return known.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in EVENT_COLUMNS.items() if name not in known.columns
    )


def made(rows: int, seed: int) -> pl.DataFrame:
    """Return events of 100,000 users over two years, nobody's data."""
    rng = np.random.default_rng(seed)
    start = int(datetime(2012, 1, 1, tzinfo=UTC).timestamp() * 1_000_000)
    times = pl.Series("timestamp", rng.integers(start, start + 2 * 365 * 86_400_000_000, rows))
    return pl.DataFrame(
        {
            "user_id": pl.Series(rng.integers(0, 100_000, rows)).cast(pl.String),
            "item_id": pl.Series(rng.integers(0, 50_000, rows)).cast(pl.String),
            "event_type": ["view"] * rows,
            "timestamp": times.cast(TIME),
            "value": rng.random(rows).round(2),
        }
    )


def clocked(what: str, work: Callable[[], object]) -> None:
    """Print how long something takes, and how much of the processor: the same on a busy machine."""
    started, worked = perf_counter(), process_time()
    result = work()
    print(f"{what:<50} {perf_counter() - started:6.2f} s, {process_time() - worked:6.2f} s CPU   {result}")


def imports(store: SQLiteStore) -> None:
    """Import the shipped events twice."""

    def once() -> str:
        report = store.import_events([identified(pl.read_parquet(SHIPPED.events), "shipped")])
        return f"{report.accepted:,} accepted, {report.repeated:,} repeated, of it {report.seconds:.2f} s in the store"

    clocked("import of the shipped events, with ids derived", once)
    clocked("the same again", once)


def grow(store: SQLiteStore, rows: int) -> None:
    """Seal further events, a million a frame."""
    frames = (identified(made(min(10**6, rows - done), done), f"made{done}") for done in range(0, rows, 10**6))
    clocked(f"import of {rows:,} made events", lambda: f"{store.import_events(frames).accepted:,} accepted")


def histories(store: SQLiteStore) -> None:
    """Read the newest events of many users, each for the first time, and print the distribution."""
    users = pl.read_parquet(SHIPPED.events)["user_id"].unique().sort().sample(2_000, seed=7, shuffle=True)
    for limit in (50, 500):
        seconds = []
        for user in users:
            started = perf_counter()
            store.recent_events(UserId(user), limit=limit)
            seconds.append(perf_counter() - started)
        cuts = [1_000 * cut for cut in statistics.quantiles(seconds, n=100)]
        print(f"recent_events, limit {limit:<37} p50 {cuts[49]:.3f} ms   p99 {cuts[98]:.3f} ms")


def scan(store: SQLiteStore) -> None:
    """Read everything, then the last 90 days of it."""
    clocked("scan of all events, all columns", lambda: f"{store.scan_events().collect().height:,} rows")
    last = store.counts().last_event
    assert last is not None
    columns = ["user_id", "item_id", "event_type", "timestamp", "value"]
    window = store.scan_events(start=last - timedelta(days=90)).select(columns)
    clocked("scan of the last 90 days, five columns", lambda: f"{window.collect().height:,} rows")


def events_from(numbers: Iterator[int], batch: int) -> list[Event]:
    """Return new events."""
    return [
        Event(
            event_id=f"live-{number}",
            user_id=f"u{number % 1_000}",
            item_id=f"i{number % 500}",
            event_type="view",
            timestamp=NOW + timedelta(milliseconds=number),
        )
        for number in (next(numbers) for _ in range(batch))
    ]


def durable(store: SQLiteStore, numbers: Iterator[int], *, threads: int, batch: int, seconds: float) -> None:
    """Append from many threads for some seconds and print events a second; each call returns when fsynced."""
    waits: list[float] = []
    end = perf_counter() + seconds

    def client() -> None:
        while (started := perf_counter()) < end:
            store.append_events(events_from(numbers, batch))
            waits.append(perf_counter() - started)

    started, worked, commits = perf_counter(), process_time(), store.commits
    clients = [threading.Thread(target=client) for _ in range(threads)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    elapsed, commits = perf_counter() - started, store.commits - commits
    worked = (process_time() - worked) / (len(waits) * batch)
    p99 = statistics.quantiles(waits, n=100)[98]
    print(
        f"durable events, {threads} threads, {batch:>3} a call"
        f" {len(waits) * batch / elapsed:>22,.0f} events/s"
        f"   {commits / elapsed:,.0f} fsyncs/s   p99 {p99 * 1_000:.0f} ms   {worked * 1e6:.0f} µs CPU an event"
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    parser.add_argument("--grow", type=int, default=0)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=given.folder, prefix=".bench-") as folder:
        store = SQLiteStore(Path(folder), Settings().store)
        imports(store)
        if given.grow:
            grow(store, given.grow)
        histories(store)
        scan(store)
        numbers = count()
        for threads, batch in ((1, 1), (given.threads, 1), (given.threads, 100)):
            durable(store, numbers, threads=threads, batch=batch, seconds=given.seconds)
        clocked("seal of what was appended", lambda: f"{store.seal(before=NOW + timedelta(days=99)):,} moved")
        clocked("open and close", lambda: SQLiteStore(Path(folder), Settings().store).close() or "")
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(f"on disk: {size / 2**20:,.0f} MiB for {store.counts().events:,} events")
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
