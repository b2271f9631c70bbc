"""Kills the server with `kill -9` while clients post events, again and again, and counts what is lost or doubled.

    python benchmarks/kills.py [--kills 200] [--lanes 1] [--clients 4] [--seed 7] [--minutes 20]

Every acknowledged event must be in the store exactly once with what was sent. Clients send what was not acknowledged
again after the restart, with the same `event_id`, and some of what was, so that a doubled event would show. Each lane
is a server with a store of its own: most of the time goes into starting them.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from served import Served

BATCH = 20
"""Most events in one request; a fifth of the requests carry a single one."""
LIFE_SECONDS = (0.02, 0.4)
"""How long clients post before the kill, drawn anew each time."""
COUNTS = ("kills", "sent", "acknowledged", "stored", "lost", "doubled", "changed", "unasked")


@dataclass
class Client:
    """Posts events one request after the other and remembers what was acknowledged."""

    name: str
    rng: random.Random
    sent: int = 0
    acknowledged: set[str] = field(default_factory=set)
    waiting: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def post_until_killed(self, peer: tuple[str, int]) -> None:
        """Post until the connection breaks."""
        connection = http.client.HTTPConnection(*peer, timeout=10)
        try:
            while True:
                self._post(connection)
        except (OSError, http.client.HTTPException):
            connection.close()

    def _post(self, connection: http.client.HTTPConnection) -> None:
        again = self.rng.sample(sorted(self.acknowledged)[-50:], min(2, len(self.acknowledged)))
        if not self.waiting:
            count = 1 if self.rng.random() < 0.2 else self.rng.randint(2, BATCH)
            self.waiting = [f"{self.name}-{self.sent + index:07d}" for index in range(count)]
            self.sent += count
        ids = self.waiting + again
        body = json.dumps([event(event_id) for event_id in ids])
        connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        report = json.loads(answer.read())
        if answer.status == 503:
            return  # honestly refused, so sent again
        if answer.status != 200:
            self.faults.append(f"{answer.status}: {report}")
            return
        self.faults += [f"rejected: {one}" for one in report["events"] if one["status"] == "rejected"]
        self.acknowledged.update(ids)
        self.waiting = []


def event(event_id: str) -> dict[str, object]:
    """Return the event of an id; what is stored can be compared with it."""
    return {
        "event_id": event_id,
        "user_id": f"user-{event_id[-2:]}",
        "item_id": f"item-{event_id}",
        "event_type": "view",
        "timestamp": "2026-01-01T00:00:00Z",
    }


@dataclass(frozen=True)
class Outcome:
    """What the store holds after the last kill, against what the clients know."""

    kills: int
    seconds: float
    sent: int
    acknowledged: int
    stored: int
    lost: int
    doubled: int
    changed: int
    unasked: int
    faults: tuple[str, ...]

    @property
    def good(self) -> bool:
        """True when nothing is lost, doubled, changed or invented."""
        return not (self.lost or self.doubled or self.changed or self.unasked or self.faults)

    def table(self) -> Iterator[str]:
        """Yield the lines to print."""
        for name in COUNTS:
            yield f"{name:<16}{getattr(self, name):>10,}"
        yield f"{'seconds':<16}{self.seconds:>10.1f}"
        yield from self.faults[:10]


def run(data: Path, *, kills: int, clients: int = 4, seed: int = 7, minutes: float = 20.0) -> Outcome:
    """Kill the server `kills` times on one store and compare."""
    started = time.monotonic()
    people = [Client(f"c{index}", random.Random(seed * 1_000 + index)) for index in range(clients)]
    moments = random.Random(seed)
    done = 0
    while done < kills and time.monotonic() - started < minutes * 60:
        _live_and_die(data, people, moments.uniform(*LIFE_SECONDS))
        done += 1
    return compared(data, people, done, time.monotonic() - started)


def run_lanes(
    folder: Path, *, kills: int, lanes: int, clients: int = 4, seed: int = 7, minutes: float = 20.0
) -> Outcome:
    """Kill `lanes` servers side by side, `kills` times in all, and add up."""
    shares = [kills // lanes + (lane < kills % lanes) for lane in range(lanes)]
    with ThreadPoolExecutor(lanes) as pool:
        running = [
            pool.submit(run, folder / f"data-{lane}", kills=share, clients=clients, seed=seed + lane, minutes=minutes)
            for lane, share in enumerate(shares)
        ]
        found = [each.result() for each in running]
    sums = {name: sum(getattr(each, name) for each in found) for name in COUNTS}
    seconds, faults = max(each.seconds for each in found), tuple(fault for each in found for fault in each.faults)
    return Outcome(seconds=seconds, faults=faults, **sums)


def _live_and_die(data: Path, people: list[Client], seconds: float) -> None:
    server = Served(data)
    threads = [threading.Thread(target=client.post_until_killed, args=(server.peer,)) for client in people]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.kill()
    for thread in threads:
        thread.join()


def compared(data: Path, people: list[Client], kills: int, seconds: float) -> Outcome:
    """Return what a store holds against what clients know."""
    from coldframe.settings import Settings
    from coldframe.store.sqlite import SQLiteStore

    store = SQLiteStore(data, Settings().store)
    rows = store.scan_events().select("event_id", "item_id", "user_id").collect().rows()
    store.close()
    stored = Counter(row[0] for row in rows)
    acknowledged = set().union(*(client.acknowledged for client in people))
    sent = {f"{client.name}-{index:07d}" for client in people for index in range(client.sent)}
    wanted = {event_id: (event(event_id)["item_id"], event(event_id)["user_id"]) for event_id in stored}
    return Outcome(
        kills=kills,
        seconds=seconds,
        sent=len(sent),
        acknowledged=len(acknowledged),
        stored=len(rows),
        lost=len(acknowledged - set(stored)),
        doubled=sum(count > 1 for count in stored.values()),
        changed=sum(wanted[row[0]] != row[1:] for row in rows),
        unasked=len(set(stored) - sent),
        faults=tuple(fault for client in people for fault in client.faults),
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_lanes(
            Path(folder),
            kills=given.kills,
            lanes=given.lanes,
            clients=given.clients,
            seed=given.seed,
            minutes=given.minutes,
        )
    print("\n".join(outcome.table()))
    return 0 if outcome.good and outcome.kills == given.kills else 1


if __name__ == "__main__":
    sys.exit(main())
