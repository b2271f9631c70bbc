"""Power cuts: the script once beneath the shim, then what a cut after every single change may leave, opened and judged.

Owns the points and the variants. The judgement is `script`'s, the laws of the disk are `disk`'s.
"""

import hashlib
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coldframe.errors import ColdframeError
from faults import Outcome, script, shim
from faults.disk import VARIANTS, Disk, changes, write

LATER = ("-shm", ".lock")
"""Files that mean nothing after a crash: memory shared between processes, and locks."""


def record(folder: Path) -> bytes:
    """Run the script once beneath the shim and return the log of its changes. Raises `CannotBuildError`."""
    root, log = folder / "recorded", folder / "log"
    root.mkdir()
    shim.run(shim.build(folder), root, "script", log=log)
    return log.read_bytes()


def cut(folder: Path, *, every: int = 1, seed: int = 7, log: bytes = b"", deaf: str = "-") -> Outcome:
    """Cut the power after every `every`-th change, in each variant. Raises `CannotBuildError`.

    `log` is a script that was recorded before. The disk ignores fsyncs of what ends in `deaf`.
    """
    outcome = Outcome("power cut after every write", "0 acknowledged events lost, 0 doubled")
    counts = {"changes": 0, "cuts": 0, "acknowledged": 0}
    for index, disk, known in _moments(log or record(folder), deaf):
        counts["changes"] += 1
        if index % every == 0:
            counts["cuts"] += _cut_at(index, disk, known, folder, random.Random(seed * 100_000 + index), outcome.faults)
        counts["acknowledged"] = len(known.numbers(known.ended))
    outcome.figures = {**counts, "lost": _count(outcome.faults, "is lost"), "doubled": _count(outcome.faults, " times")}
    return outcome


def _moments(log: bytes, deaf: str) -> Iterator[tuple[int, Disk, script.Known]]:
    """Yield the disk and what the caller knows after each change."""
    disk, known, all_steps = Disk(), script.Known([], []), script.steps()
    for index, change in enumerate(changes(log)):
        if change.path == script.NOTES:
            for line in change.data.decode().split():
                (known.begun if line[0] == "+" else known.ended).append(all_steps[int(line[1:])])
        elif change.op != "S" or not change.path.endswith(deaf):
            disk.apply(change)
            yield index, disk, known


def _cut_at(index: int, disk: Disk, known: script.Known, folder: Path, chance: random.Random, faults: list[str]) -> int:
    seen: set[bytes] = set()
    for variant in VARIANTS:
        left = {path: content for path, content in disk.left(variant, chance).items() if not path.endswith(LATER)}
        digest = hashlib.sha256(repr(sorted(left.items())).encode()).digest()
        if digest in seen:
            continue
        seen.add(digest)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            faults += [
                f"after change {index}, {variant}: {each}" for each in _judged(left, Path(place) / "root", known)
            ]
    return len(seen)


def _judged(left: dict[str, bytes | None], root: Path, known: script.Known) -> list[str]:
    write(left, root)
    try:
        return script.judged(root / "data", known)
    except (ColdframeError, ValueError, LookupError, OSError) as error:
        return [f"it cannot be opened: {error!r}"]
    finally:
        shutil.rmtree(root)


def _count(faults: list[str], words: str) -> int:
    return sum(words in fault for fault in faults)
