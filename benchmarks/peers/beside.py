"""Peers beside coldframe's models in one run of an evaluation.

Owns who fits which name, and the processes and folders of a run: all are gone when the `with` block ends.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol, Self

from coldframe.dataset.training_set import TrainingSet
from coldframe.evaluation import Split
from coldframe.evaluation.plan import Cases
from coldframe.evaluation.run import Trainer
from coldframe.scoring.request import Scorer
from coldframe.settings import Settings
from peers.folder import write_training
from peers.names import PEERS
from peers.process import Peer, Users, Worker
from peers.tuning import Bench, Chosen


class Develops(Protocol):
    """A data set that has a development split."""

    def development(self) -> Split:
        """Return the split that settings are chosen on."""
        ...


FIT_SECONDS = 3_600.0
"""The final training is the one that was judged, on more events: it ends on its own or is broken."""


class Peers:
    """The named peers, tuned on the development split of a data set as the `with` block begins; none need no split.

    `chosen` tells the settings of each, for the report; `fit_seconds` how long its final training took.
    """

    def __init__(
        self, names: Sequence[str], data: Develops, ours: Trainer, settings: Settings, *, budget_seconds: float
    ) -> None:
        unknown = [name for name in names if name not in PEERS]
        if unknown:
            raise SystemExit(f"There is no peer {unknown[0]!r}: {', '.join(PEERS)}.")
        self.names, self._ours, self._settings = tuple(names), ours, settings
        self._data, self._budget_seconds, self._open = data, budget_seconds, ExitStack()
        self._chosen: dict[str, Chosen] = {}
        self._fit_seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self.names:
            with self._open:
                bench = Bench.of(self._data.development(), self._ours, self._settings, self._folder())
                self._chosen = {name: bench.tune(name, budget_seconds=self._budget_seconds) for name in self.names}
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def trainer(self) -> Trainer:
        """The project's trainer, with peers fitted by their own libraries."""
        return replace(self._ours, fit=self._fit)

    @property
    def chosen(self) -> Mapping[str, Any]:
        """What the report says of each peer: settings, how they were found, seconds of the final training."""
        return {name: asdict(one) | {"fit_seconds": self._fit_seconds.get(name)} for name, one in self._chosen.items()}

    def _fit(self, training_set: TrainingSet, validation: Cases, names: Sequence[str]) -> Mapping[str, Scorer]:
        own = [name for name in names if name not in self._chosen]
        fitted = dict(self._ours.fit(training_set, validation, own)) if own else {}
        return fitted | self._fit_peers(training_set, [name for name in names if name in self._chosen])

    def _fit_peers(self, training_set: TrainingSet, names: Sequence[str]) -> dict[str, Scorer]:
        folder, users = self._folder(), Users.of(training_set)
        write_training(folder, training_set, threads=self._settings.training.threads)
        fitted: dict[str, Scorer] = {}
        for name in names:
            worker = Worker(folder, name, self._chosen[name].params, seconds=FIT_SECONDS)
            self._open.callback(worker.close)
            self._fit_seconds[name] = round(worker.seconds, 1)
            fitted[name] = Peer(worker, users, folder)
        return fitted

    def _folder(self) -> Path:
        folder = Path(mkdtemp(prefix="coldframe-peers-"))
        self._open.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder
