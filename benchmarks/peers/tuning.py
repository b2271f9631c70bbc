"""The best settings of a peer on a data set's development split, within a time.

Owns the search; `names.py` holds what is tried. Judged by the same questions, candidates, fallback and metric as
everything else; nothing of the test side is seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from coldframe.evaluation import Split, evaluate
from coldframe.evaluation.baselines import fit_popular
from coldframe.evaluation.plan import OVERALL, Cases, Plan, Sampling
from coldframe.evaluation.run import Trainer
from coldframe.evaluation.time_split import TIME
from coldframe.settings import Settings
from peers.folder import write_training
from peers.names import Params, tries
from peers.process import Peer, PeerError, Users, Worker

ASKED = 1_000
"""Questions that settings are judged by, at most."""
DEFAULT_SECONDS = 1_800.0
"""Time for a training with the library's own settings, whatever the budget: every peer has an answer, or is broken."""


@dataclass(frozen=True)
class Chosen:
    """The best settings, what they reach on development, how many were tried, and what those said that failed."""

    params: Params
    metric: str
    value: float
    tried: int
    failures: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Bench:
    """A development split laid out for peers: its training folder, its questions of the view `overall`."""

    folder: Path
    plan: Plan
    users: Users
    settings: Settings

    @classmethod
    def of(cls, split: Split, trainer: Trainer, settings: Settings, folder: Path) -> "Bench":
        """Write the training side into a folder, and draw the questions."""
        training_set = trainer.build(split.train, split.items, split.users, settings, as_of=split.as_of)
        plan = split.plan(training_set, trainer.weigh, Sampling(ASKED, settings.training.seed))
        asked = [case for case in plan.cases if case.view == OVERALL]
        write_training(folder, training_set, threads=settings.training.threads)
        plan = replace(plan, cases=Cases(len(asked), lambda: iter(asked)))
        return cls(folder, plan, Users.of(training_set), settings)

    @property
    def k(self) -> int:
        """The list length that counts: 20 on published splits, whose papers report it, else 10."""
        return 10 if self.plan.protocol == TIME else 20

    def tune(self, peer: str, *, budget_seconds: float, stopwatch: Callable[[], float] = perf_counter) -> Chosen:
        """Try settings in order until they or the budget run out; until one was judged, each has `DEFAULT_SECONDS`.

        Raises `PeerError` when none could be judged.
        """
        started, values, failures = stopwatch(), list[tuple[float, Params]](), list[PeerError]()
        for params in tries(peer, self.settings.training.seed):
            left = budget_seconds - (stopwatch() - started)
            if left <= 0 and values:
                break
            try:
                values.append((self._value(peer, params, left if values else DEFAULT_SECONDS), params))
            except PeerError as error:
                failures.append(error)
        if not values:
            raise failures[0]
        value, params = max(values, key=lambda one: one[0])
        spent = round(stopwatch() - started, 1)
        said = tuple(str(error).splitlines()[0] for error in failures)
        return Chosen(params, f"ndcg@{self.k}", value, len(values) + len(failures), said, spent)

    def _value(self, peer: str, params: Params, seconds: float) -> float:
        scorer = Peer(Worker(self.folder, peer, params, seconds=seconds), self.users, self.folder)
        try:
            popular = fit_popular(self.plan.training_set)
            report = evaluate(self.plan, {peer: scorer}, ks=(self.k,), fallback=popular, draws=1)
        finally:
            scorer.close()
        return report.models[peer][f"ndcg@{self.k}"].value
