"""A peer as a process of its own, and as a scorer that an evaluation can ask.

Owns the pipe: one JSON object a line. The worker says {"ready": seconds} when it has learned, gets {"batch": path,
"scores": path}, and says {"done": n}. One that fails ends; all end when their standard input closes, and so with us.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, Self

import numpy as np

from coldframe.dataset.training_set import Floats, TrainingSet
from coldframe.scoring.request import History, Request
from peers.folder import write_batch

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""implicit asks for it: it runs threads of its own, as many as `training.threads`."""
ANSWER_SECONDS = 300.0
"""A batch that takes longer than this is no answer."""


class PeerError(RuntimeError):
    """A peer failed, or took too long."""


class Worker:
    """One fitted peer in its own process. Raises `PeerError` when it cannot be fitted within `seconds`."""

    def __init__(self, folder: Path, peer: str, params: dict[str, Any], *, seconds: float) -> None:
        if not PYTHON.exists():
            raise PeerError("The peers' environment is not there: run `make peers`.")
        self.peer, self._log = peer, folder / f"{peer}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PYTHON, Path(__file__).with_name("worker.py"), folder, peer, json.dumps(params)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ONE_THREAD,
            )
        self.seconds = float(self._read(seconds)["ready"])

    def ask(self, **message: str) -> None:
        """Send one message and wait until it is done."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        self._read(ANSWER_SECONDS)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _read(self, seconds: float) -> dict[str, Any]:
        """Return the next line as an object; a worker that says nothing in time is ended."""
        timer = Timer(seconds, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline() if self._process.stdout is not None else ""
        finally:
            timer.cancel()
        if not line:
            self.close()
            words = self._log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
            last = words.rpartition("\n")[2] or "no word"
            raise PeerError(f"{self.peer} failed, or was not done within {seconds:.0f} s: {last}\n{words}")
        return json.loads(line)


@dataclass(frozen=True)
class Users:
    """Training rows of users by what they did in training, since a question does not say who asks."""

    row_of: dict[bytes, int]
    as_of: int

    @classmethod
    def of(cls, training_set: TrainingSet) -> Self:
        """Return the lookup of a training set; users of one and the same past share a row."""
        events = training_set.interactions
        order = np.argsort(events.user, kind="stable")
        starts = np.searchsorted(events.user[order], np.arange(training_set.n_users + 1))
        rows = {}
        for row in np.flatnonzero(np.diff(starts)):
            own = order[starts[row] : starts[row + 1]]
            rows[_key(events.item[own], events.timestamp[own])] = int(row)
        return cls(rows, training_set.as_of)

    def row(self, history: History) -> int:
        """Return the training row of who has this past, −1 for somebody new."""
        trained = history.timestamp < self.as_of
        return self.row_of.get(_key(history.item[trained], history.timestamp[trained]), -1)


def _key(items: np.ndarray, times: np.ndarray) -> bytes:
    order = np.lexsort((items, times))
    return items[order].astype(np.int32).tobytes() + times[order].astype(np.int64).tobytes()


class Peer:
    """A worker as a `BatchScorer`: float32 [n_requests, n_items], NaN where the peer cannot say."""

    def __init__(self, worker: Worker, users: Users, folder: Path) -> None:
        self.name = worker.peer
        self._worker, self._users, self._folder = worker, users, folder

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        return self.score_batch([request])[0]

    def score_batch(self, requests: Sequence[Request]) -> Floats:
        """Return one row per request."""
        batch, scores = self._folder / "batch.npz", self._folder / "scores.npy"
        write_batch(batch, [self._users.row(request.history) for request in requests], requests)
        self._worker.ask(batch=str(batch), scores=str(scores))
        return np.load(scores)

    def close(self) -> None:
        """End the peer's process."""
        self._worker.close()
