"""Makes every fault there is, at full size, keeps what happened and writes it as a page.

    python benchmarks/reliability.py [--only KIND …] [--small] [--page-only]

Results lie in benchmarks/results/reliability.json, one entry a kind, and docs/reliability.md is made from them.
Everything happens on loopback and in a temporary folder, is bounded, and ends by itself. --small tries the same things
fewer times and keeps nothing.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import kills
import msgspec
from faults import Outcome, bundles, clocks, io_errors, load, power
from faults.page import RESULTS, Result, read, write_page
from served import Served, publish_small_bundle


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Yield a server with a promoted bundle."""
    publish_small_bundle(folder / "data")
    with Served(folder / "data") as server:
        yield server


def killed(folder: Path, times: int) -> Outcome:
    """Kill the server under load."""
    found = kills.run_lanes(folder, kills=times, lanes=LANES, minutes=90)
    names = ("kills", "acknowledged", "lost", "doubled", "changed", "unasked")
    outcome = Outcome(
        "kill -9 under load", "0 acknowledged events lost, 0 doubled", {n: getattr(found, n) for n in names}
    )
    outcome.faults += [line for line in found.table() if not found.good]
    outcome.faults += [f"only {found.kills} kills in the time given"] * (found.kills < times)
    return outcome


def overloaded(folder: Path, seconds: float) -> Outcome:
    """Overload a server."""
    with served(folder) as server:
        return load.overload(server.peer, server.cpu_seconds, times=3, seconds=seconds)


def slowed(folder: Path, clients: int, seconds: float) -> Outcome:
    """Pester a server with slow clients."""
    with served(folder) as server:
        return load.dribble(server.peer, clients=clients, seconds=seconds)


def jumped(folder: Path, times: int) -> Outcome:
    """Let the clock jump."""
    publish_small_bundle(folder / "data")
    return clocks.jump(folder / "data", times=times)


LANES = 6
"""Servers that are killed side by side."""

KINDS: dict[str, tuple[Callable[[Path], Outcome], Callable[[Path], Outcome]]] = {
    "kills": (lambda folder: killed(folder, 1_000), lambda folder: killed(folder, 5)),
    "power": (power.cut, lambda folder: power.cut(folder, every=50)),
    "disk": (io_errors.fail_everywhere, lambda folder: io_errors.fail_everywhere(folder, every=50)),
    "bundles": (lambda folder: bundles.spoil(folder, times=10_000), lambda folder: bundles.spoil(folder, times=200)),
    "clocks": (lambda folder: jumped(folder, 5_000), lambda folder: jumped(folder, 100)),
    "slow": (lambda folder: slowed(folder, 500, 20), lambda folder: slowed(folder, 100, 2)),
    "overload": (lambda folder: overloaded(folder, 30), lambda folder: overloaded(folder, 5)),
}
"""Every kind of fault: at full size, and small."""
IN_MEMORY = {"power", "disk", "bundles"}
"""These make their own disk, or need none: they are faster on a file system in memory."""
MEMORY = Path("/dev/shm")


def run(kind: str, *, small: bool) -> Result:
    """Make one kind of fault in a folder of its own. Raises `CannotBuildError` where the disk's cannot be made."""
    started, busy = perf_counter(), os.getloadavg()[0]
    place = MEMORY if kind in IN_MEMORY and MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="coldframe-faults-", dir=place) as folder:
        outcome = KINDS[kind][small](Path(folder))
    return Result(
        what=outcome.what,
        must=outcome.must,
        figures={name: round(value, 3) for name, value in outcome.figures.items()},
        faults=outcome.faults[:20],
        seconds=round(perf_counter() - started, 1),
        cores=os.cpu_count() or 0,
        load=round(busy, 1),
    )


def main() -> int:
    """Run the kinds asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--page-only", action="store_true")
    given = parser.parse_args()
    good = True
    for kind in [] if given.page_only else given.only:
        result = run(kind, small=given.small)
        good = good and result.good
        print(f"{'good' if result.good else 'BAD ':<5}{kind:<10}{result.seconds:>8.1f} s  {result.figures}", flush=True)
        print("".join(f"     {fault[:300]}\n" for fault in result.faults), end="", flush=True)
        if not given.small:
            RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(read() | {kind: result})) + b"\n")
    if not given.small:
        write_page(list(KINDS))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
