"""A disk that fails: the script with an error at its N-th change, for every N, until a run meets none.

    python -m faults.io_errors ROOT EVERY      beneath the shim

Two kinds: EIO at one change alone; ENOSPC from one change on, until there is space again. Then, in the same process,
everything that was refused is done again.
"""

import ctypes
import errno
import json
import shutil
import sys
from pathlib import Path

from coldframe.errors import BundleError, StoreError
from faults import Outcome, script, shim

ROUNDS = 3
"""Rounds of the script: every kind of step comes twice."""
KINDS = ((errno.EIO, False), (errno.ENOSPC, True))


def fail_everywhere(folder: Path, *, every: int = 1) -> Outcome:
    """Fail at every `every`-th change. Raises `CannotBuildError`."""
    root = folder / "failing"
    root.mkdir()
    found = json.loads(shim.run(shim.build(folder), root, "io_errors", str(every), seconds=3_600))
    must = "0 acknowledged events lost, 0 doubled; what was refused is taken as soon as the disk works again"
    return Outcome("I/O error and full disk at every change", must, found["figures"], found["faults"])


class Trial:
    """The script with one fault: what was acknowledged and what was refused."""

    def __init__(self, data: Path) -> None:
        self.known = script.Known([], [])
        self.refused: list[script.Step] = []
        self.folder: script.Folder | None = None
        self._data = data

    def play(self) -> None:
        """Do each step once; one that the disk refuses is kept for later."""
        for step in script.steps(ROUNDS):
            self.known.begun.append(step)
            self._try(step)

    def play_refused(self) -> None:
        """Do again what was refused. Raises `StoreError` or `BundleError`: the disk works now."""
        for step in self.refused:
            if step.kind in ("items", "bundle") and step.numbers.start < self.known.newest(self.known.ended, step.kind):
                continue  # a newer version was acknowledged meanwhile
            self._open().do(step)
            self.known.ended.append(step)

    def _try(self, step: script.Step) -> None:
        try:
            self._open().do(step)
            self.known.ended.append(step)
        except (StoreError, BundleError):
            self.refused.append(step)
            if step.kind == "reopen":
                self.folder = None

    def _open(self) -> script.Folder:
        if self.folder is None:
            self.folder = script.Folder(self._data)
        return self.folder


def main(root: str, every: str) -> None:
    """Run trials until one meets no fault; print figures and faults as JSON."""
    script.eager()
    shimmed = ctypes.CDLL(None)
    shimmed.fault_calls.restype = ctypes.c_long
    figures = {"changes": 0, "trials": 0, "refused": 0, "acknowledged": 0}
    faults: list[str] = []
    for error, lasting in KINDS:
        at = 1
        while True:
            data = Path(root) / "data"
            trial = Trial(data)
            shimmed.fault_arm(ctypes.c_long(at), error, lasting)
            trial.play()
            changes = shimmed.fault_calls()
            shimmed.fault_arm(ctypes.c_long(0), 0, 0)
            faults += [f"{errno.errorcode[error]} at change {at}: {each}" for each in _after(trial, data)]
            figures["trials"] += 1
            figures["refused"] += len(trial.refused)
            figures["acknowledged"] += len(trial.known.numbers(trial.known.ended))
            shutil.rmtree(data)
            if at > changes:
                figures["changes"] = max(figures["changes"], changes)
                break
            at += int(every)
    figures["lost"] = sum("is lost" in fault for fault in faults)
    figures["doubled"] = sum(" times" in fault for fault in faults)
    print(json.dumps({"figures": figures, "faults": faults}))


def _after(trial: Trial, data: Path) -> list[str]:
    """Judge a folder with its fault, then do what was refused, then judge it once more after a new start."""
    wrong = script.judged(data, trial.known) if data.is_dir() else []
    try:
        trial.play_refused()
    except (StoreError, BundleError) as error:
        wrong.append(f"the disk works again, and still: {error}")
    if trial.folder is not None:
        trial.folder.store.close()
    return wrong + script.judged(data, trial.known)


if __name__ == "__main__":
    main(*sys.argv[1:])
