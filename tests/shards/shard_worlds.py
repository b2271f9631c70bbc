"""Small event logs for the pipeline's tests, as files, and the same log as the training room sees it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from coldframe.events.schema import EVENT_COLUMNS
from coldframe.settings import Settings
from coldframe.shards.dealing import USUAL, Sizes
from coldframe.shards.local import run_local
from coldframe.shards.plan import Plan
from coldframe.shards.source import event_files
from coldframe.shards.writing import Sink

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
PLAN = Plan.of(Settings(), as_of=AS_OF, days=30, seed=5)
SMALL = Sizes(events_per_part=500, rows_per_shard=3_000)
"""So that a few thousand events are several parts and shards."""


def row(number, user, item, *, days_ago=1.0, kind="click", event_id=None):
    return {
        "event_id": event_id or f"e{number:05d}",
        "user_id": user,
        "item_id": item,
        "event_type": kind,
        "timestamp": AS_OF - timedelta(days=days_ago),
    }


def crowd(n=4_000, users=60, items=40, *, seed=1, days=40):
    """Random events of 40 days, of which the window holds 30."""
    draw = np.random.default_rng(seed)
    kinds = ("view", "click", "purchase", "rating_1", "wink")
    return [
        row(
            number,
            f"u{draw.integers(users):03d}",
            f"i{int(items * draw.random() ** 2):03d}",
            days_ago=float(draw.integers(1, days * 24 * 60)) / 1440,
            kind=kinds[draw.integers(len(kinds))],
        )
        for number in range(n)
    ]


def write(folder, rows, *, files=1):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        pl.DataFrame(rows[number::files]).write_parquet(folder / f"events-{number}.parquet")
    return folder


def run(source, sink, plan=PLAN, *, threads=2, kind="parquet", sizes=USUAL):
    return run_local(
        event_files(source), Sink(sink, kind), plan, threads=threads, progress=lambda *_: None, sizes=sizes
    )


def rows_of(sink):
    """All published rows with ids, in an order of their own."""
    names = {kind: pl.read_parquet(sink / f"{kind}s.parquet")["id"] for kind in ("user", "item")}
    found = pl.concat([pl.read_parquet(path) for path in sorted(sink.glob("shard-*.parquet"))])
    columns = [names[kind].gather(found[kind]).alias(kind) for kind in names]
    return found.with_columns(columns).sort(pl.all())


def as_training_frame(rows):
    frame = pl.DataFrame(rows).with_columns(session_id=pl.lit(None, pl.String))
    empty = {name: pl.lit(None, kind).alias(name) for name, kind in EVENT_COLUMNS.items() if name not in frame.columns}
    return frame.with_columns(list(empty.values())).select(
        pl.col(name).cast(kind) for name, kind in EVENT_COLUMNS.items()
    )
