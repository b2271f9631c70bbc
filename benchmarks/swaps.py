"""Another bundle is promoted again and again while a server is asked: is any request lost, or answered by two bundles?

    python benchmarks/swaps.py [--swaps 100] [--requests 100000] [--items 20000] [--workers 1] [--minutes 30] [--json]

Two bundles over the same made items (`two_bundles.py`) serve by turns. They are promoted as people do it: through the
registry, by `coldframe models promote`, by a rollback, by `coldframe models rollback`. Meanwhile clients ask at fixed
moments, at half of what the server can answer, on connections that are kept.

What each bundle says to each user is known before: an answer must hold exactly the items and scores of the bundle that
it names. With several workers the first answer of a new bundle is that of the first worker that has it.

A swap is what lies between the call and half a second after the first answer of the new bundle. Before each one the
bundle that serves is promoted again, which verifies it and changes nothing: as long a time of the same work without a
swap. Ten of each make a round; the figure is the median of the rounds' ratios of 99th percentiles, so that whatever
else the machine does weighs on both sides. Fails when a request failed, an answer was another than it must be, or the
figure is above 1.5.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import msgspec
import numpy as np
from load import capacity
from served import Served
from steady import Span, Steady
from two_bundles import COLDFRAME, Judge, answers, publish

from coldframe.bundle.registry import Registry

MOST = 1.5
"""What p99 during swaps may be of p99 of as long a time without one."""
AFTER_SECONDS = 0.5
"""How long a swap goes on after the first answer of the new bundle."""
PATIENCE_SECONDS = 20.0
"""How long an answer of the new bundle is waited for."""
WAYS = ("registry",) * 6 + ("command", "rollback", "registry", "rollback by command")
"""How one swap after the other is made."""
ROUND = len(WAYS)


def swap(folder: Path, way: str, target: str) -> None:
    """Let another bundle serve, in one of `WAYS`."""
    registry = Registry(folder / "coldframe-data" / "bundles")
    match way:
        case "registry":
            registry.promote(target)
        case "command":
            _command(folder, "models", "promote", target)
        case "rollback":
            registry.rollback()
        case _:
            _command(folder, "models", "rollback")
    if registry.promoted() != target:
        raise RuntimeError(f"{way} promoted {registry.promoted()} in place of {target}")


def promote_again(folder: Path, way: str, serving: str) -> None:
    """Do the work of a swap without one."""
    swap(folder, "command" if "command" in way else "registry", serving)


def _command(folder: Path, *words: str) -> None:
    """Run a command, giving way to the server: it may as well run on another machine."""
    subprocess.run(["nice", "-n", "15", *COLDFRAME, *words], cwd=folder, check=True, capture_output=True)


@dataclass
class Spans:
    """When nothing was swapped, and when something was; `seconds` from each call to the new bundle's first answer.

    `busy`: processor seconds of the server in all of the former, and in all of the latter.
    """

    quiet: list[Span] = field(default_factory=list)
    swaps: list[Span] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=lambda: [0.0, 0.0])


def swap_under_load(
    folder: Path, server: Served, judge: Judge, bundles: tuple[str, str], swaps: int, step: float, until: float
) -> Spans:
    """Swap so many times, `step` seconds apart at least, until a moment at the latest."""
    found, length = Spans(), 1.5
    for number in range(swaps):
        if perf_counter() > until:
            break
        begun, way, moments = perf_counter(), WAYS[number % len(WAYS)], [server.cpu_seconds()]
        promote_again(folder, way, bundles[number % 2])
        _wait(lambda end=begun + length: perf_counter() >= end)
        found.quiet.append(Span(begun, perf_counter()))
        moments.append(server.cpu_seconds())
        call, target = perf_counter(), bundles[1 - number % 2]
        swap(folder, way, target)
        _wait(lambda target=target: judge.named == target)
        found.seconds.append(perf_counter() - call)
        sleep(AFTER_SECONDS)
        found.swaps.append(Span(call, perf_counter()))
        moments.append(server.cpu_seconds())
        found.busy = [sum(each) for each in zip(found.busy, np.diff(moments), strict=True)]
        length = found.swaps[-1].end - call
        sleep(max(0.0, begun + step - perf_counter()))
    return found


def _wait(done: Callable[[], bool]) -> None:
    end = perf_counter() + PATIENCE_SECONDS
    while not done():
        if perf_counter() > end:
            raise TimeoutError(f"no answer of the new bundle within {PATIENCE_SECONDS:g} seconds")
        sleep(0.005)


class Report(msgspec.Struct, frozen=True):
    """The figures. `busy`: cores that the server kept busy without and during swaps."""

    swaps: int
    requests: int
    failed: int
    mixed: int
    rate: float
    capacity: float
    quiet_p50_ms: float
    quiet_p99_ms: float
    swap_p50_ms: float
    swap_p99_ms: float
    p99_ratio: float
    p99_ratios: list[float]
    quiet_busy: float
    swap_busy: float
    longest_swap_s: float
    load_average: float
    faults: list[str]

    @staticmethod
    def of(load: Steady, spans: Spans, most: float) -> "Report":
        """Return the figures of a run; `most` is what the server can answer a second."""
        faults = [one.fault for one in load.asked if one.fault]
        ratios = [
            float(np.percentile(load.during(spans.swaps[ten]), 99) / np.percentile(load.during(spans.quiet[ten]), 99))
            for ten in (slice(start, start + ROUND) for start in range(0, len(spans.swaps), ROUND))
        ]
        quiet, during = (np.percentile(load.during(each), [50, 99]) for each in (spans.quiet, spans.swaps))
        return Report(
            swaps=len(spans.swaps),
            requests=len(load.asked),
            failed=sum(fault.startswith("failed") for fault in faults),
            mixed=sum(fault.startswith("mixed") for fault in faults),
            rate=load.rate,
            capacity=most,
            quiet_p50_ms=quiet[0],
            quiet_p99_ms=quiet[1],
            swap_p50_ms=during[0],
            swap_p99_ms=during[1],
            p99_ratio=float(np.median(ratios)),
            p99_ratios=ratios,
            quiet_busy=spans.busy[0] / sum(span.end - span.start for span in spans.quiet),
            swap_busy=spans.busy[1] / sum(span.end - span.start for span in spans.swaps),
            longest_swap_s=max(spans.seconds),
            load_average=os.getloadavg()[0],
            faults=faults[:10],
        )

    def good(self, swaps: int, requests: int) -> bool:
        """Return whether everything asked for happened, nothing was lost or mixed, and nobody waited long."""
        whole = self.swaps >= swaps and self.requests >= requests
        return whole and not (self.failed or self.mixed) and self.p99_ratio <= MOST


def run(folder: Path, *, swaps: int, requests: int, n_items: int, minutes: float, workers: int = 1) -> Report:
    """Measure in an empty folder."""
    bundles = publish(folder, n_items)
    data = folder / "coldframe-data"
    right = answers(data, bundles)
    with Served(data, workers=workers) as server:
        most = capacity(server.peer[1])
        judge = Judge(right)
        load = Steady(server.peer[1], most / 2, judge.ask)
        with load.running():
            until = perf_counter() + minutes * 60
            spans = swap_under_load(folder, server, judge, bundles, swaps, requests / load.rate / swaps, until)
            while len(load.asked) < requests and perf_counter() < until:
                sleep(0.1)
    return Report.of(load, spans, most)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30, help="the most that it may take")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = run(
            Path(folder),
            swaps=given.swaps,
            requests=given.requests,
            n_items=given.items,
            minutes=given.minutes,
            workers=given.workers,
        )
    if given.json:
        print(msgspec.json.encode(found).decode())
    else:
        for name, value in msgspec.structs.asdict(found).items():
            print(f"{name:<16}{value:>12,.2f}" if isinstance(value, float) else f"{name:<16}{value!s:>12}")
    return 0 if found.good(given.swaps, given.requests) else 1


if __name__ == "__main__":
    sys.exit(main())
