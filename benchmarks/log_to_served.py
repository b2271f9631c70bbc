"""A log's way to the first answer: seconds and peak memory of import, training and start, against five minutes.

    python benchmarks/log_to_served.py [--events 10000000]

A generated log (`logs.py`: 1 million users, 100,000 items, a file a day) goes through the commands that people use,
each a process of its own: `coldframe import`, `coldframe train` with a time budget of what the import left, which
compares the mixer on later requests before it is let serve, and `coldframe serve`, up to the first list of a known
user. Making the log does not count.

Peak memory is that of the largest process. A total above five minutes or a peak above 12 GB fails the benchmark. The
first training on a machine waits for compilers too: `compile` among its seconds.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from logs import generate

FOLDER = Path(tempfile.gettempdir()) / "coldframe-bench"
COLDFRAME = [sys.executable, "-m", "coldframe"]
USERS, ITEMS = 1_000_000, 100_000
AS_OF = "2026-06-01T00:00Z"
MOST_SECONDS, MOST_GB = 300.0, 12.0
START_SECONDS = 15.0
"""Kept back from the training's budget for what it cannot stop at, and for the server's start."""
LEAST_SHARE = 0.3
"""Of the whole time, what a training is given however long the import took."""


class Spent(NamedTuple):
    """What one step took."""

    seconds: float
    cpu_seconds: float
    peak_gb: float


def watched(folder: Path, words: list[str], act: Callable[["subprocess.Popen[str]"], Any]) -> tuple[Any, Spent]:
    """Run a command in a project and return what `act` makes of it, and what it took until then, its start included."""
    began = time.perf_counter()
    with (folder / "errors.log").open("w") as errors:
        process = subprocess.Popen(
            [*COLDFRAME, *words, "--json"], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        found = act(process)
        seconds = time.perf_counter() - began
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words[:2])} ended with {process.returncode}:\n{(folder / 'errors.log').read_text()}")
    return found, Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def to_its_end(process: "subprocess.Popen[str]") -> Any:
    """Return what a command says in JSON."""
    assert process.stdout is not None
    told = process.stdout.read()
    return json.loads(told) if told else None


def first_answer(user: str) -> Callable[["subprocess.Popen[str]"], Any]:
    """Return what waits for a server's address and then for one list, and lets the server end."""

    def ask(process: "subprocess.Popen[str]") -> Any:
        assert process.stdout is not None
        told = "".join(process.stdout.readline() for _ in range(3))
        if not told:
            return None
        peer = json.loads(told)["address"].removeprefix("http://")
        connection = http.client.HTTPConnection(peer, timeout=60)
        connection.request("GET", f"/v1/users/{user}/recommendations?n=5")
        answer = connection.getresponse()
        body = answer.read()
        os.kill(process.pid, signal.SIGTERM)
        if answer.status != 200:
            sys.exit(f"the server answered {answer.status}: {body.decode()}")
        return json.loads(body)

    return ask


def somebody(paths: list[Path]) -> str:
    """Return a user of the log's last day."""
    import polars as pl

    return pl.scan_parquet(paths[-1]).select(pl.col("user_id").mode().sort()).head(1).collect().item()


def line(step: str, spent: Spent, more: str = "") -> None:
    """Print one step."""
    print(
        f"{step:<28}{spent.seconds:>8.1f} s{spent.cpu_seconds:>9.1f} CPU s{spent.peak_gb:>8.2f} GB   {more}", flush=True
    )


def main() -> int:
    """Run the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    asked = parser.parse_args()
    paths = generate(FOLDER / f"log-{asked.events}", events=asked.events, users=USERS, items=ITEMS)
    project = FOLDER / "log-to-served"
    shutil.rmtree(project, ignore_errors=True)
    subprocess.run([*COLDFRAME, "init", str(project)], check=True, capture_output=True)
    print(f"{asked.events:,} events, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    steps = run(project, paths)
    total, peak = sum(step.seconds for step in steps), max(step.peak_gb for step in steps)
    print(f"total {total:.1f} s (at most {MOST_SECONDS:.0f}), peak {peak:.2f} GB (at most {MOST_GB:.0f})")
    shutil.rmtree(project)
    return int(total > MOST_SECONDS or peak > MOST_GB)


def run(project: Path, paths: list[Path]) -> list[Spent]:
    """Import, train and serve; print each step and return what it took."""
    reports, imported = watched(project, ["import", "events", *map(str, paths)], to_its_end)
    line("import", imported, f"{sum(each['accepted'] for each in reports):,} accepted")
    left = max(MOST_SECONDS - START_SECONDS - imported.seconds, LEAST_SHARE * MOST_SECONDS)
    words = ["train", "--as-of", AS_OF, "--time-budget", f"{left / 60:.3f}"]
    told, trained = watched(project, words, to_its_end)
    result = told["result"]
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result["seconds"].items())
    line("train and evaluate", trained, f"budget {left:.0f} s; {steps}; serves {result['serves']}")
    print(f"    NDCG@10 on later requests: {result['metrics'].get('check/hybrid/ndcg@10', float('nan')):.4f}")
    print(f"    no time for: {', '.join(result['left_out']) or 'nothing'}")
    answer, served = watched(project, ["serve", "--port", "0"], first_answer(somebody(paths)))
    line("serve, to the first answer", served, f"{len(answer['items'])} items")
    return [imported, trained, served]


if __name__ == "__main__":
    sys.exit(main())
