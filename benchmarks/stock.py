"""A shop's stock changes while its lists are asked for: what do answers wait, and how soon is an item gone?

    python benchmarks/stock.py [--items 50000] [--seconds 30] [--every 0.5]

A bundle over a made catalogue serves (`catalogue.py`), and the store knows every item, with a category and a price. As
long a time with a change every half second as without any: one popular item sells out or comes back. Clients ask at
fixed moments, at half of what the server can answer. Prints p50 and p99 of both, their ratios, and the longest time
from a change that was acknowledged to a list that knows it. Fails when a request failed or the latter is above 1 s.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import msgspec
import numpy as np
from catalogue import Catalogue, made, publish
from load import Client, capacity, path_of, ready_seconds
from served import Served
from steady import Span, Steady

from coldframe.domain import Item
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

MOST_SECONDS = 1.0
CHUNK = 10_000


def stock(catalogue: Catalogue, data: Path) -> None:
    """Put every item on sale."""
    with closing(SQLiteStore(data, Settings().store)) as store:
        for start in range(0, catalogue.n_items, CHUNK):
            rows = range(start, min(start + CHUNK, catalogue.n_items))
            store.upsert_items([item(row) for row in rows])


def item(row: int, *, available: bool = True) -> Item:
    """Return one item as the shop describes it."""
    return Item(
        item_id=f"item-{row:07d}",
        title=f"number {row}",
        categories=(f"shelf {row % 100}",),
        numeric={"price": float(row % 90)},
        available=available,
    )


def listed(client: Client) -> list[str]:
    """Return somebody's list."""
    return [each["item_id"] for each in msgspec.json.decode(client.get(path_of(0)))["items"]]


def change_until(port: int, end: float, every: float) -> list[float]:
    """Sell out and restock what stands first on a list until a moment; return how long each took to be seen."""
    seen = list[float]()
    with closing(Client(port)) as client:
        row, available = int(listed(client)[0].removeprefix("item-")), True
        while perf_counter() < end:
            available = not available
            client.post("/v1/items", msgspec.json.encode({"items": [item(row, available=available)]}))
            began = perf_counter()
            while (item(row).item_id in listed(client)) != available:
                if perf_counter() - began > 10 * MOST_SECONDS:
                    raise RuntimeError("no list knows of it")
            seen.append(perf_counter() - began)
            sleep(max(0.0, every - seen[-1]))
    return seen


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--every", type=float, default=0.5)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        data, catalogue = Path(folder), made(given.items)
        publish(catalogue, data)
        stock(catalogue, data)
        with Served(data) as server:
            port = server.peer[1]
            ready_seconds(lambda: port, "/readyz")
            load = Steady(port, capacity(port) / 2, lambda client, number: client.get(path_of(number)) and "")
            with load.running():
                quiet = Span(perf_counter(), perf_counter() + given.seconds)
                sleep(given.seconds)
                began = perf_counter()
                seen = change_until(port, began + given.seconds, given.every)
                busy = Span(began, perf_counter())
    still, changing = (np.percentile(load.during([span]), [50, 99]) for span in (quiet, busy))
    failed = sum(bool(one.fault) for one in load.asked)
    print(f"{given.items:,} items, {len(load.asked):,} requests at {load.rate:.0f} a second, {failed} failed")
    for label, (middle, tail) in (("without changes", still), (f"{len(seen)} changes", changing)):
        print(f"  {label}: median {middle:.1f} ms, 99th percentile {tail:.1f} ms")
    print(f"  ratios {changing[0] / still[0]:.2f} and {changing[1] / still[1]:.2f}")
    print(f"  a change is seen after {np.median(seen):.3f} s, at the longest {max(seen):.3f} s")
    return int(failed > 0 or max(seen) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
