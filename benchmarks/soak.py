"""Does a server grow while it is asked and told for a long time?

    python benchmarks/soak.py [--minutes 30] [--rate 100] [--workers 1] [--json]

A bundle over a made catalogue serves (`catalogue.py`). Clients ask for lists at fixed moments; every fifth request
brings a batch of new events of the same users instead. Once a second the memory of the server's processes is read: all
that is resident (RSS), and that part of it which no file backs.

Before the clock starts, so many events are posted, old and new, that the store keeps as many pages in memory as it
ever does: what fills once is no growth. Prints a line a minute. The first tenth is warm-up. The growth is the median of
the last tenth over that of the tenth after warm-up, less one. Fails when RSS grew by more than 1 %, or when a request
failed.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import NamedTuple

import msgspec
import numpy as np
from catalogue import N_USERS, made, publish
from load import Client, path_of, ready_seconds, tree
from served import Served
from steady import Span, Steady

FILLED = 500_000
"""Events posted beforehand, in batches of `FILLED_AT_ONCE`: with their indexes more than the writer's 64 MiB."""
FILLED_AT_ONCE = 1_000
COUNTED = 150_000
"""New events posted after those, which are counted: more than a reader's 4 MiB, which else fill for 20 minutes."""
MOST = 0.01
"""What RSS may grow by."""
BATCH = 5
"""Events in one request that brings some, and every so many requests is one."""


class Memory(NamedTuple):
    """What the processes of a server hold together, in bytes: all that is resident, and what no file backs."""

    resident: int
    anonymous: int


def memory(pid: int) -> Memory:
    """Return what a process and all that descend from it hold now."""
    parts = [dict(re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB$", told, re.MULTILINE)) for told in _statuses(pid)]
    return Memory(*(1024 * sum(int(part.get(name, 0)) for part in parts) for name in ("VmRSS", "RssAnon")))


def _statuses(pid: int) -> Iterator[str]:
    return (Path(f"/proc/{each}/status").read_text() for each in tree(pid))


class Sample(NamedTuple):
    """Seconds since the start, and the memory then."""

    seconds: float
    memory: Memory


def growth(samples: list[Sample], part: int) -> float:
    """Return the median of the last tenth over that of the second tenth, less one; `part` as in `Memory`.

    >>> samples = [Sample(second, Memory(100 + (second >= 90), 0)) for second in range(100)]
    >>> round(growth(samples, 0), 3)
    0.01
    """
    values, tenth = np.array([sample.memory[part] for sample in samples], float), max(1, len(samples) // 10)
    return float(np.median(values[-tenth:]) / np.median(values[tenth : 2 * tenth]) - 1)


def batch(number: int, n_items: int) -> bytes:
    """Return new events of one of the users, which nobody sent before."""
    now = datetime.now(UTC).isoformat()
    return msgspec.json.encode([event(f"soak-{number}-{place}", number, n_items, now) for place in range(BATCH)])


def event(event_id: str, number: int, n_items: int, when: str) -> dict[str, str]:
    """Return an event of a user and an item that a number stands for."""
    item_id = f"item-{7919 * number % n_items:07d}"
    user_id = f"user-{number % N_USERS}"
    return {"event_id": event_id, "user_id": user_id, "item_id": item_id, "event_type": "view", "timestamp": when}


def fill(port: int, n_items: int, filled: range, *, ago: timedelta) -> None:
    """Post events of some numbers that happened a while ago, each batch to whichever worker gets it."""
    when = (datetime.now(UTC) - ago).isoformat()
    for start in range(filled.start, filled.stop, FILLED_AT_ONCE):
        numbers = range(start, start + FILLED_AT_ONCE)
        told = [event(blake2b(b"%d" % n, digest_size=12).hexdigest(), n, n_items, when) for n in numbers]
        with closing(Client(port)) as client:
            client.post("/v1/events", msgspec.json.encode(told))


def ask(client: Client, number: int, n_items: int) -> str:
    """Send one request, events every fifth time; return what is wrong with the answer, or ""."""
    if number % BATCH:
        client.get(path_of(number))
        return ""
    told = msgspec.json.decode(client.post("/v1/events", batch(number, n_items)))
    rejected = [event for event in told["events"] if event["status"] == "rejected"]
    return f"failed: {rejected[0]}" if rejected else ""


class Report(msgspec.Struct, frozen=True):
    """The figures."""

    minutes: float
    requests: int
    failed: int
    rss_mb: float
    rss_growth: float
    anonymous_growth: float
    faults: list[str]

    @property
    def good(self) -> bool:
        """Return whether nothing grew and nothing failed."""
        return self.rss_growth <= MOST and not self.failed


def run(
    folder: Path,
    *,
    minutes: float,
    rate: float,
    n_items: int,
    tell: bool,
    filled: int = FILLED,
    counted: int = COUNTED,
    workers: int = 1,
) -> Report:
    """Measure in an empty folder."""
    publish(made(n_items), folder)
    with Served(folder, workers=workers) as server:
        ready_seconds(lambda: server.peer[1], "/readyz")
        old, new = filled * workers, counted * workers
        fill(server.peer[1], n_items, range(old), ago=timedelta(minutes=10))  # before the bundle's window ended
        fill(server.peer[1], n_items, range(old, old + new), ago=timedelta())
        load = Steady(server.peer[1], rate, lambda client, number: ask(client, number, n_items))
        with load.running():
            samples = watch(server.pid, minutes, load, tell)
    faults = [one.fault for one in load.asked if one.fault]
    return Report(
        minutes=minutes,
        requests=len(load.asked),
        failed=len(faults),
        rss_mb=samples[-1].memory.resident / 1e6,
        rss_growth=growth(samples, 0),
        anonymous_growth=growth(samples, 1),
        faults=faults[:10],
    )


def watch(pid: int, minutes: float, load: Steady, tell: bool) -> list[Sample]:
    """Return a sample a second; print a line a minute if asked to."""
    samples, begun, told = list[Sample](), perf_counter(), perf_counter()
    while (now := perf_counter()) - begun < 60 * minutes:
        samples.append(Sample(now - begun, memory(pid)))
        if tell and now - told >= 60:
            print(line(samples[-1], load, Span(told, now)), flush=True)
            told = now
        sleep(1)
    return samples


def line(sample: Sample, load: Steady, last: Span) -> str:
    """Return what is printed of the last minute."""
    took = load.during([last])
    p50, p99 = np.percentile(took, [50, 99]) if len(took) else (0, 0)
    return (
        f"{sample.seconds / 60:5.1f} min  RSS {sample.memory.resident / 1e6:8.2f} MB,"
        f" without files {sample.memory.anonymous / 1e6:8.2f} MB;"
        f" {len(took):,} requests, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = run(
            Path(folder),
            minutes=given.minutes,
            rate=given.rate,
            n_items=given.items,
            tell=not given.json,
            workers=given.workers,
        )
    if given.json:
        print(msgspec.json.encode(found).decode())
    else:
        for name, value in msgspec.structs.asdict(found).items():
            print(f"{name:<18}{value:>12,.4f}" if isinstance(value, float) else f"{name:<18}{value!s:>12}")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
