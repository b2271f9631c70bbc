"""How soon a list knows: of an event just accepted, and of an item just sent.

    python benchmarks/fresh.py [--trials 30] [--workers 1]

A server on a small made shop. Each trial sends a stranger's first purchase and asks until the list differs from the one
before, then sends a new item and asks somebody of its kind until the item is on the list. Every worker may answer: a
trial ends when `--workers` × 4 answers in a row know. Prints the median and the longest of both, in seconds.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import msgspec
import numpy as np
from load import Client
from served import Served, publish_small_bundle

from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.shop import SHELVES, shop

LIMITS = {"event": 1.0, "item": 5.0}
PATIENCE = 30.0


class Shopper:
    """Who sends and asks."""

    def __init__(self, port: int, workers: int) -> None:
        self._port, self._in_a_row = port, 4 * workers

    def items_for(self, user: str, n: int) -> list[str]:
        """Return a user's list, asked on a connection of its own, so that any worker may answer."""
        with closing(Client(self._port)) as client:
            answer = msgspec.json.decode(client.get(f"/v1/users/{user}/recommendations?n={n}"))
        return [item["item_id"] for item in answer["items"]]

    def send(self, kind: str, row: dict[str, Any]) -> None:
        """Send one event or item."""
        with closing(Client(self._port)) as client:
            client.post(f"/v1/{kind}", msgspec.json.encode({kind: [row]}))

    def until(self, knows: Callable[[], bool]) -> float:
        """Return the seconds from now to the first of the answers in a row that all know."""
        began = perf_counter()
        first, row = began, 0
        while row < self._in_a_row:
            if perf_counter() - began > PATIENCE:
                raise RuntimeError("no list knows of it")
            if not knows():
                row = 0
                sleep(0.01)
                continue
            first, row = (perf_counter() if row == 0 else first), row + 1
        return first - began

    def event(self, number: int) -> float:
        """Return how long a stranger's first purchase takes to change the list."""
        user = f"stranger-{number}"
        before = self.items_for(user, 10)
        event = {"event_id": f"fresh-{number}", "user_id": user, "item_id": f"i{number % 100:03d}"}
        self.send("events", event | {"event_type": "purchase"})
        return self.until(lambda: self.items_for(user, 10) != before)

    def item(self, number: int) -> float:
        """Return how long an item takes to be on the list of somebody who likes its kind."""
        name, place = f"fresh-{number}", number % len(SHELVES)
        shelf, user = SHELVES[place], f"buyer-of-{SHELVES[place]}"
        bought = {"event_id": f"bought-{number}", "user_id": user, "item_id": f"i{place:03d}"}
        self.send("events", bought | {"event_type": "purchase"})
        described = {"title": f"{shelf} number 3", "categories": [shelf], "tags": [f"{shelf}-1"]}
        self.send("items", {"item_id": name} | described)
        return self.until(lambda: name in self.items_for(user, 150))


def main() -> None:
    """Measure both, and fail beyond the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        with closing(SQLiteStore(data, Settings().store)) as store:
            store.upsert_items(shop().items)
        publish_small_bundle(data)
        with Served(data, workers=asked.workers) as server:
            shopper = Shopper(server.peer[1], asked.workers)
            found = {name: [getattr(shopper, name)(trial) for trial in range(asked.trials)] for name in LIMITS}
    for name, seconds in found.items():
        print(f"{name}: median {np.median(seconds):.3f} s, longest {max(seconds):.3f} s; limit {LIMITS[name]} s")
    sys.exit(any(max(seconds) > LIMITS[name] for name, seconds in found.items()))


if __name__ == "__main__":
    main()
