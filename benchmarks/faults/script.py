"""A script of everything that changes a data folder, and what must be true of the folder whenever it stops.

    python -m faults.script ROOT      beneath the shim: runs it once below ROOT and notes there what began and ended

Owns the steps and the judgement. Never knows what kind of fault there was.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coldframe.bundle import Registry
from coldframe.domain import Item, UserId
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, connections, housekeeping
from coldframe.testing.store_samples import DAY, START, events, frame

NOTES = "notes"
ROUNDS = 8


class Step(NamedTuple):
    """One call: what it does, and the numbers of the events it brings, or of its version."""

    kind: str
    numbers: range


def steps(rounds: int = ROUNDS) -> list[Step]:
    """Return the script: some 200 events, singly, in batches and imported; seals, items, bundles, new starts."""
    found: list[Step] = []
    for number in range(rounds):
        first = number * 100
        found += [Step("append", range(first, first + size)) for size in (1, 1, 5)]  # the first event comes three times
        found += [Step("append", range(first + 10, first + 22)), Step("items", range(number, number + 1))]
        found += [Step("import", range(first + 20, first + 30)), Step("bundle", range(number, number + 1))]
        if number % 2:
            found += [Step("seal", range(0)), Step("append", range(first + 40, first + 43))]
        if number % 3 == 2:
            found += [Step("reopen", range(0))]
    return found


def eager() -> None:
    """Let happen often what needs many events: checkpoints, and runs that are merged."""
    connections.CHECKPOINT_PAGES = 25
    housekeeping.FAN = 2


class Folder:
    """A data folder in use."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.store = SQLiteStore(data, Settings().store)
        self.registry = Registry(data / "bundles")

    def do(self, step: Step) -> None:
        """Do one step. Raises what the store or the registry raises."""
        first = step.numbers.start
        match step.kind:
            case "append":
                self.store.append_events(events(first, step.numbers.stop))
            case "import":
                self.store.import_events([frame(events(first, step.numbers.stop))])
            case "seal":
                self.store.seal(before=START + 999 * DAY)
            case "items":
                self.store.upsert_items([Item(item_id="pot", text=str(first))])
            case "bundle":
                made = datetime(2026, 1, 1, 0, 0, first, tzinfo=UTC)
                self.registry.promote(self.registry.publish(bundle(first), {"number": first}, created_at=made))
                self.registry.prune(2)
            case _:
                self.store.close()
                self.store = SQLiteStore(self.data, Settings().store)


def bundle(number: int) -> dict[str, np.ndarray]:
    """Return the arrays of bundle `number`."""
    return {"numbers": np.full(50, number, np.int64), "more": np.arange(number + 300, dtype=np.int32)}


@dataclass
class Known:
    """What the caller knows when a fault strikes: which steps began, and which of them were acknowledged."""

    begun: list[Step]
    ended: list[Step]

    def numbers(self, steps: Iterable[Step]) -> set[int]:
        """Return the numbers of the events that steps bring."""
        return {number for step in steps if step.kind in ("append", "import") for number in step.numbers}

    def newest(self, steps: Iterable[Step], kind: str) -> int:
        """Return the newest version that steps bring, -1 for none."""
        return max((step.numbers.start for step in steps if step.kind == kind), default=-1)


def judged(data: Path, known: Known) -> list[str]:
    """Open a folder and return everything that is wrong with it."""
    store = SQLiteStore(data, Settings().store)
    try:
        return [*_of_events(store, known), *_of_versions(store, Registry(data / "bundles"), known)]
    finally:
        store.close()


def _of_events(store: SQLiteStore, known: Known) -> list[str]:
    scanned = store.scan_events().collect()
    stored = Counter(int(each[1:]) for each in scanned["event_id"])
    wanted, allowed = known.numbers(known.ended), known.numbers(known.begun)
    wrong = [f"event {number} was acknowledged and is lost" for number in sorted(wanted - set(stored))]
    wrong += [f"event {number} is there {count} times" for number, count in stored.items() if count > 1]
    wrong += [f"event {number} was never sent" for number in sorted(set(stored) - allowed)]
    for step in known.begun:
        there = {number in stored for number in step.numbers} if step not in known.ended else set[bool]()
        others = known.numbers(each for each in known.begun if each != step)
        if len(there) > 1 and not others & set(step.numbers):
            wrong.append(f"half of {step} is there")
    if not wrong and not scanned.equals(
        frame([event for number in sorted(stored) for event in events(number, number + 1)])
    ):
        wrong.append("the events are not what was sent")
    if (
        len(store.recent_events(UserId("ann"), limit=10_000)) != scanned.height
        or store.counts().events != scanned.height
    ):
        wrong.append("histories, counts and scan disagree")
    return wrong


def _of_versions(store: SQLiteStore, registry: Registry, known: Known) -> list[str]:
    item, promoted = next(store.items(), None), registry.promoted()
    item_version = int(item.text or "") if item else -1
    bundle_version = registry.open().meta["number"] if promoted else -1
    for info in registry.list():
        registry.open(info.bundle)
    found = {"items": item_version, "bundle": bundle_version}
    return [
        f"version {version} of {kind} is there"
        for kind, version in found.items()
        if not known.newest(known.ended, kind) <= version <= known.newest(known.begun, kind)
    ]


def main(root: str) -> None:
    """Run the script once, noting what began and what ended."""
    eager()
    notes = os.open(Path(root) / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    folder = Folder(Path(root) / "data")
    for number, step in enumerate(steps()):
        os.write(notes, f"+{number}\n".encode())
        folder.do(step)
        os.write(notes, f"-{number}\n".encode())
    folder.store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
