"""Generated event logs of any size with a planted structure, one Parquet file a day: for speed, never for accuracy.

    python benchmarks/logs.py FOLDER --events 10000000 [--users 1000000] [--items 100000] [--days 100]

Users lean to a few of 500 groups of items, items follow Zipf's law, activity is log-normal, five in a thousand rows are
repeated with their id. Ids are text.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

END = datetime(2026, 6, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
GROUPS = 500
TYPES = ("view", "click", "add_to_cart", "purchase", "rating_1")
SHARES = (0.6, 0.25, 0.08, 0.05, 0.02)
REPEATED = 0.005


def generate(folder: Path, *, events: int, users: int, items: int, days: int = 100, seed: int = 0) -> list[Path]:
    """Write the files and return their paths; a folder that already holds them is left as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"day-{day:03d}.parquet" for day in range(days)]
    if all(path.exists() for path in paths):
        return paths
    draw = np.random.default_rng(seed)
    activity = np.cumsum(draw.lognormal(0, 1.2, users))
    zipf = np.cumsum(1 / (np.arange(items) + 10.0))
    leaning = draw.integers(0, GROUPS, (users, 3))
    user_ids = pa.array([f"u{number:07d}" for number in range(users)])
    item_ids = pa.array([f"i{number:06d}" for number in range(items)])
    first = round(END.timestamp() * 1e6) - days * DAY_US
    edges = np.linspace(0, events, days + 1).astype(int)
    for day, path in enumerate(paths):
        n = int(edges[day + 1] - edges[day])
        user = np.searchsorted(activity, draw.random(n) * activity[-1])
        popular = np.searchsorted(zipf, draw.random(n) * zipf[-1])
        group = leaning[user, draw.integers(0, 3, n)]
        own = draw.random(n) < 0.85
        item = np.where(own, np.minimum(popular // GROUPS * GROUPS + group, items - 1), popular)
        time = first + day * DAY_US + draw.integers(0, DAY_US, n)
        kind = draw.choice(len(TYPES), n, p=SHARES).astype(np.int8)
        number = np.arange(edges[day], edges[day + 1])
        again = np.flatnonzero(draw.random(n) < REPEATED)
        place = np.concatenate([np.arange(n), again])
        table = pa.table(
            {
                "event_id": pa.array(number[place]),
                "user_id": pa.DictionaryArray.from_arrays(pa.array(user[place].astype(np.int32)), user_ids),
                "item_id": pa.DictionaryArray.from_arrays(pa.array(item[place].astype(np.int32)), item_ids),
                "event_type": pa.DictionaryArray.from_arrays(pa.array(kind[place]), pa.array(TYPES)),
                "timestamp": pa.array(time[place]).cast(pa.timestamp("us", "UTC")),
            }
        )
        temporary = path.with_suffix(".tmp")
        plain = table.set_column(1, "user_id", table["user_id"].cast(pa.string()))
        plain = plain.set_column(2, "item_id", plain["item_id"].cast(pa.string()))
        plain = plain.set_column(3, "event_type", plain["event_type"].cast(pa.string()))
        pq.write_table(plain, temporary, compression="zstd", compression_level=1, row_group_size=1 << 20)
        temporary.replace(path)
    return paths


def main() -> None:
    """Write a log."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=100)
    asked = parser.parse_args()
    paths = generate(asked.folder, events=asked.events, users=asked.users, items=asked.items, days=asked.days)
    print(f"{len(paths)} files, {sum(path.stat().st_size for path in paths) / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
