"""How long a live server's answers take while `coldframe run` trains beside it, against how long they take otherwise.

    python benchmarks/live_training.py [--rounds 3] [--rate 50] [--small] [--set schedule.idle=false]

Imports the shipped shop (`--small`: a made one with few events) into a folder of its own, trains once, and starts
`coldframe run` on loopback with an interval of several trainings. Clients ask for the lists of known and unknown people
at fixed moments, whatever became of the request before, until so many trainings have been promoted: windows with and
without a training take turns. A window with one reaches from the start of the trainer's process, which the schedule
logs, to two seconds after the new bundle was promoted, so that imports and taking it up count.

Each training is compared with the quiet windows before and after it, and the median of those ratios is the figure, so
that other work on the machine weighs on both sides. Fails when it is above 2 or when any request failed.
"""

import argparse
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

COLDFRAME = [sys.executable, "-m", "coldframe"]
TAKE_UP_SECONDS = 2.0
"""How long after a promotion its window goes on: the server looks for a new bundle every second."""
SMALL = """
[mixer]
form = "blend"
experts = ["popular-ever", "item-item", "attributes"]
max_requests = 100
"""
QUIET_SECONDS = 5.0
"""Least length of a quiet window that counts."""
MOST = 2.0
"""What p99 while a training runs may be of p99 without one."""


class Asked(NamedTuple):
    """One request: when it was due and how long its answer took from then on, in seconds; 200, or what came instead."""

    due: float
    seconds: float
    status: str


@dataclass
class Client:
    """Asks at fixed moments, `interval` seconds apart; a moment missed is made up for at once, and its wait counts."""

    peer: tuple[str, int]
    people: list[str]
    interval: float
    seed: int
    asked: list[Asked] = field(default_factory=list)

    def ask_until(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        draw, connection = random.Random(self.seed), http.client.HTTPConnection(*self.peer, timeout=30)
        due = time.time() + self.interval * draw.random()
        while not stop.wait(max(0.0, due - time.time())):
            status = self._status(connection, draw.choice(self.people))
            self.asked.append(Asked(due, time.time() - due, status))
            due += self.interval
        connection.close()

    def _status(self, connection: http.client.HTTPConnection, person: str) -> str:
        try:
            connection.request("GET", f"/v1/users/{person}/recommendations")
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return type(error).__name__
        return str(answer.status)


class Window(NamedTuple):
    """From when to when, in seconds since 1970, and whether somebody trained."""

    start: float
    end: float
    trains: bool

    def of(self, asked: list[Asked]) -> np.ndarray:
        """Return the milliseconds of the requests that were due within it."""
        return np.array([1e3 * one.seconds for one in asked if self.start <= one.due < self.end])


def command(folder: Path, *words: str) -> dict:
    """Run a command to its end and return what it says in JSON."""
    done = subprocess.run([*COLDFRAME, *words, "--json"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def prepare(folder: Path, *, small: bool) -> list[str]:
    """Make a project with events and return people to ask for, known ones and a tenth of unknown ones."""
    import polars as pl

    from coldframe.demo.shipped import SHIPPED
    from coldframe.settings import Settings
    from coldframe.store.sqlite import SQLiteStore
    from coldframe.testing.shop import shop

    subprocess.run([*COLDFRAME, "init", "."], cwd=folder, check=True, capture_output=True)
    if small:
        (folder / "coldframe.toml").write_text(SMALL)
        made = shop()
        store = SQLiteStore(folder / "coldframe-data", Settings().store)
        store.upsert_items(made.items)
        store.import_events([made.events])
        store.close()
        known = made.events["user_id"].unique().sort().to_list()
    else:
        for kind, path in (("users", SHIPPED.users), ("items", SHIPPED.items), ("events", SHIPPED.events)):
            command(folder, "import", kind, str(path))
        known = pl.read_parquet(SHIPPED.events)["user_id"].unique().sort().cast(pl.String).to_list()
    return [*known, *(f"nobody-{number}" for number in range(len(known) // 9))]


class Run:
    """`coldframe run` in this session, so that priorities count between it and who asks."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self._log = (folder / "run.log").open("w+")
        self._process = subprocess.Popen(
            [*COLDFRAME, "run", "--port", "0", "--json", *flags],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout is not None
        told = "".join(self._process.stdout.readline() for _ in range(3))
        if not told:
            sys.exit(f"the server did not start: {(folder / 'run.log').read_text()}")
        host, _, port = json.loads(told)["address"].removeprefix("http://").rpartition(":")
        self.peer = (host, int(port))

    def stop(self) -> None:
        """End it politely."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


def windows(trainings: list[dict], begun: dict[str, float], until: float) -> list[Window]:
    """Return quiet windows and trainings by turns, in order of time, from the trainings' own records."""
    spans = sorted(
        (begun[run["run"]], _seconds(run["ended_at"]) + TAKE_UP_SECONDS) for run in trainings if run["run"] in begun
    )
    found: list[Window] = []
    for (start, end), (following, _) in pairwise([*spans, (until, until)]):
        found += [Window(start, end, True), Window(end, following, False)]
    return found


def launches(log: str) -> dict[str, float]:
    """Return when each training's process was started, from what the schedule says: its imports cost the server too."""
    found = re.finditer(r"^(\S+ \S+),(\d+) INFO coldframe.schedule: training (\w+) begins", log, re.MULTILINE)
    return {one[3]: time.mktime(time.strptime(one[1], "%Y-%m-%d %H:%M:%S")) + int(one[2]) / 1e3 for one in found}


def _seconds(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def report(found: list[Window], asked: list[Asked]) -> float:
    """Print each window and return the median of the trainings' p99 over that of the quiet windows beside them."""
    print(f"{'window':10}{'seconds':>9}{'requests':>10}{'p50 ms':>9}{'p99 ms':>9}{'worst ms':>10}")
    ratios: dict[int, list[float]] = {50: [], 99: []}
    for place, window in enumerate(found):
        took = window.of(asked)
        kind = "training" if window.trains else "quiet"
        p50, p99 = np.percentile(took, [50, 99])
        print(f"{kind:10}{window.end - window.start:>9.0f}{len(took):>10,}{p50:>9.2f}{p99:>9.2f}{took.max():>10.1f}")
        if window.trains:
            beside = np.concatenate([one.of(asked) for one in found[place - 1 : place + 2 : 2]])
            for share, values in ratios.items():
                values.append(float(np.percentile(took, share) / np.percentile(beside, share)))
    for share, values in ratios.items():
        listed = ", ".join(f"{value:.2f}" for value in values)
        print(f"p{share} while a training runs ÷ p{share} beside it: {np.median(values):.2f} (each: {listed})")
    return float(np.median(ratios[99]))


def measure(folder: Path, people: list[str], rounds: int, rate: float, flags: list[str]) -> bool:
    """Measure and print; return whether the figures are met."""
    began = time.time()
    command(folder, "train")
    every = max(36.0, 3 * (time.time() - began))
    print(f"a training alone takes {every / 3:.0f} s or less; then one every {every:.0f} s, {rate:g} requests a second")
    run, stop = Run(folder, "--every", str(every / 3600), *flags), threading.Event()
    clients = [Client(run.peer, people, 4 / rate, seed) for seed in range(4)]
    threads = [threading.Thread(target=client.ask_until, args=(stop,)) for client in clients]
    try:
        for thread in threads:
            thread.start()
        began = time.time()
        done = list[dict]()
        while len(done) < rounds and time.time() - began < (rounds + 2) * 3 * every:
            time.sleep(2.0)
            done = [one for one in command(folder, "runs") if one["outcome"] == "promoted"][:-1]
        time.sleep(max(QUIET_SECONDS, every / 3))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        run.stop()
    asked = [one for client in clients for one in client.asked if one.due > began + QUIET_SECONDS]
    found = windows(done, launches((folder / "run.log").read_text()), time.time())
    ratio = report([Window(began + QUIET_SECONDS, found[0].start, False), *found], asked)
    failed = sorted({one.status for one in asked if one.status != "200"})
    n_failed = sum(one.status != "200" for one in asked)
    print(f"failed requests: {n_failed} of {len(asked):,} {' '.join(failed)}")
    print(f"load average of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    return ratio <= MOST and n_failed == 0


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="trainings to wait for")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="for `coldframe run`")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    flags = [word for one in given.set for word in ("--set", one)]
    with TemporaryDirectory() as folder:
        people = prepare(Path(folder), small=given.small)
        return 0 if measure(Path(folder), people, given.rounds, given.rate, flags) else 1


if __name__ == "__main__":
    sys.exit(main())
