"""Seconds per epoch of the factorisation beside implicit's, the recall they buy, and how near memory's limit they are.

    python benchmarks/training.py [--size small|full] [--repeats 5] [--sets generated gowalla] [--threads 2]

Both fit the same likes with the same confidences 1 + alpha × weight and 128 factors; a tenth is held out. They differ
in two things: ours has a bias per user and item, and scales its ridge by each row's confidence where implicit has one
number. implicit gets the number that asks about the same of both sides: our ridge × √(users × items). So recalls are
those of two objectives, and may differ by more than how well each is solved. implicit runs its default, conjugate
gradient, in the peers' environment (`make peers`).

Runs take turns. Each repeat gives the median of its epochs but the first; printed are the median and the range of the
repeats, in wall and in processor time (of all threads; to be trusted where other work runs). The memory limit is the
time to read each seen pair's row once per half-step, at the rate this machine reads random rows of so many, and to
read each vector once and write it once per epoch, at the rate of a stream.
"""

import argparse
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numba
import numpy as np
from likes import SIZES, Likes, generated, gowalla, recall_at_20
from limits import gather, stream
from peers.process import ONE_THREAD, PYTHON

from coldframe.models.als import Side, factorise

DIM, ALPHA, RIDGE = 128, 40.0, 0.001
"""On gowalla the best for both of six pairs tried (alpha 10 and 40; ridge 0.0003 to 0.01), on this held-out tenth."""

MARKS = (3, 6, 12)
"""Epochs after which recall is taken."""

TIMED_EPOCHS = 4
"""Epochs of a timed run; the first is not counted."""


@dataclass(frozen=True)
class Bench:
    """One data set, with a folder in which implicit finds it."""

    likes: Likes
    folder: Path
    python: Path
    threads: int

    def write(self) -> None:
        """Write what implicit reads."""
        seen = self.likes.train
        arrays = {"indptr": seen.indptr, "indices": seen.indices, "confidence": 1 + np.float32(ALPHA) * seen.data}
        for name, values in (arrays | {"shape": seen.shape}).items():
            np.save(self.folder / f"{name}.npy", values)

    def implicit(self, epochs: int, marks: tuple[int, ...] = ()) -> Any:
        """Fit implicit; return wall and processor seconds of each epoch but the first, [epochs − 1, 2]."""
        ridge = RIDGE * float(np.sqrt(np.prod(self.likes.train.shape, dtype=np.float64)))
        params = {"factors": DIM, "regularization": ridge, "alpha": 1.0, "use_cg": True, "iterations": epochs}
        params |= {"num_threads": self.threads, "random_state": 1}
        order = json.dumps({"params": params, "marks": marks})
        done = subprocess.run(
            [self.python, Path(__file__).parent / "peers" / "epochs.py", self.folder, order],
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ONE_THREAD,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        return np.diff(json.loads(done.stdout.splitlines()[-1])["times"], axis=0)

    def ours(self, epochs: int) -> tuple[Any, tuple[Side, Side]]:
        """Fit ours; return seconds as `implicit` does, and both sides."""
        times: list[tuple[float, float]] = []
        sides = factorise(
            self.likes.train,
            dim=DIM,
            alpha=ALPHA,
            regularization=RIDGE,
            epochs=epochs,
            generator=np.random.default_rng(1),
            progress=lambda *_: times.append((perf_counter(), process_time())),
        )
        return np.diff(times, axis=0), sides

    def recalls(self) -> dict[str, list[float]]:
        """Return Recall@20 of both after each of `MARKS`."""
        self.implicit(MARKS[-1], MARKS)
        found: dict[str, list[float]] = {"ours": [], "implicit": []}
        for mark in MARKS:
            users, items = self.ours(mark)[1]
            found["ours"].append(recall_at_20(self.likes, users.vectors[:, :-1], items.vectors[:, :-1], items.bias))
            theirs = (np.load(self.folder / f"{side}-{mark}.npy") for side in ("users", "items"))
            found["implicit"].append(recall_at_20(self.likes, *theirs, np.float32(0)))
        return found

    def limit(self) -> tuple[float, str]:
        """Return the seconds that memory needs for an epoch, and the rates it comes from."""
        seen, row_bytes = self.likes.train, DIM * 4
        rates = [gather(n, DIM, self.threads) for n in seen.shape]
        flow = stream(DIM, self.threads)
        seconds = sum(seen.nnz * row_bytes / rate for rate in rates) + 2 * sum(seen.shape) * row_bytes / flow
        return (
            seconds,
            f"rows of users {rates[0] / 1e9:.1f}, of items {rates[1] / 1e9:.1f}, stream {flow / 1e9:.1f} GB/s",
        )


def report(bench: Bench, repeats: int) -> None:
    """Print every figure of one data set."""
    shape, nnz = bench.likes.train.shape, bench.likes.train.nnz
    print(f"{bench.likes.name}: {shape[0]:,} users × {shape[1]:,} items, {nnz:,} likes, {bench.threads} threads")
    bench.write()
    bench.ours(1)
    turns = np.array([_turn(bench) for _ in range(repeats)])
    for kind, (ours, theirs) in zip(("wall", "processor"), turns.T, strict=True):
        print(f"  {kind}: ours {_range(ours, '.3f')} s per epoch, implicit {_range(theirs, '.3f')} s,", end=" ")
        print(f"ratio {_range(theirs / ours, '.2f')}")
    for name, values in bench.recalls().items():
        said = ", ".join(f"{value:.4f} at {mark}" for mark, value in zip(MARKS, values, strict=True))
        print(f"  {name:9} Recall@20 {said} epochs")
    limit, rates = bench.limit()
    print(f"  memory limit {limit:.3f} s per epoch: ours is at {limit / np.median(turns[:, 0, 0]):.0%} of it ({rates})")


def _turn(bench: Bench) -> Any:
    """Return median seconds per epoch, [ours or implicit, wall or processor]."""
    theirs = bench.implicit(TIMED_EPOCHS)
    ours, _ = bench.ours(TIMED_EPOCHS)
    return np.median([ours, theirs], axis=1)


def _range(values: Any, form: str) -> str:
    return f"{np.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    """Measure each set that is there."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="full", help="of the generated world")
    parser.add_argument("--sets", nargs="+", choices=("generated", "gowalla"), default=("generated", "gowalla"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(2, numba.config.NUMBA_NUM_THREADS))
    parser.add_argument("--python", type=Path, default=PYTHON, help="the peers' interpreter")
    given = parser.parse_args()
    if not given.python.exists():
        print("skipped: the peers' environment is not there, run `make peers`")
        return
    numba.set_num_threads(given.threads)
    for name in given.sets:
        likes = gowalla() if name == "gowalla" else generated(given.size)
        if likes is None:
            print(f"{name} skipped: its files are not in the data folder, see datasets.py")
            continue
        with TemporaryDirectory() as folder:
            report(Bench(likes, Path(folder), given.python, given.threads), given.repeats)


if __name__ == "__main__":
    main()
