"""Many experts, one list: retrieve candidates, gather the evidence, combine it.

Owns the order of an answer. The same object answers offline and online, and is a scorer like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.domain import Level
from coldframe.pacing import in_parallel
from coldframe.scoring.kernel import Wanted
from coldframe.scoring.mixing.composed import by_row
from coldframe.scoring.mixing.evidence import Calibration, Evidence, chosen, gather, occluded
from coldframe.scoring.mixing.forms import Form
from coldframe.scoring.opinion import Opinion
from coldframe.scoring.request import Expert, Request

YOUNG_COUNT = 5
"""Items with at most this many events when the experts were fitted are young."""


@dataclass(frozen=True)
class Retriever:
    """The candidates of a request: the best `per_expert` allowed items of every expert that can say, and the best
    `young` young ones of every expert that rests on content.
    """

    per_expert: int
    young: int

    def candidates(
        self,
        request: Request,
        experts: tuple[Expert, ...],
        opinions: Sequence[Opinion],
        is_young: Bools,
    ) -> Rows:
        """Return distinct item rows, ascending, from every expert's opinion; `is_young` bool [n_items]."""
        allowed = np.ones(len(is_young), np.bool_) if request.allowed is None else request.allowed
        usual = [Wanted(allowed, self.per_expert)]
        with_young = [*usual, Wanted(allowed & is_young, self.young)]
        found: list[Rows] = []
        for expert, opinion in zip(experts, opinions, strict=True):
            found += opinion.best(with_young if expert.family == "content" else usual, request.now)
        rows = np.sort(np.concatenate(found))
        return rows[np.diff(rows, prepend=-1) > 0]


class Mixed(NamedTuple):
    """One request's candidates with their evidence and their score, float32 [n]."""

    evidence: Evidence
    scores: Floats
    spoke: tuple[bool, ...]


@dataclass(frozen=True)
class Hybrid:
    """Experts, how they are brought to one scale, and the form that combines them.

    `fitted_counts` int32 [n_items] are the events per item that the experts were fitted on.
    """

    experts: tuple[Expert, ...]
    form: Form
    calibration: Calibration
    retriever: Retriever
    fitted_counts: NDArray[np.int32]
    name: str = "hybrid"

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items], NaN on what is no candidate."""
        scores = np.full(len(self.fitted_counts), np.nan, np.float32)
        mixed = self.mix(request)
        scores[mixed.evidence.items] = mixed.scores
        return scores

    def mix(self, request: Request) -> Mixed:
        """Return the candidates of a request, each with its evidence and its score."""
        opinions = ask(self.experts, request)
        return self.mix_rows(request, opinions, self.candidates(request, opinions))

    def candidates(self, request: Request, opinions: Sequence[Opinion]) -> Rows:
        """Return the candidates, rows ascending."""
        return self.retriever.candidates(request, self.experts, opinions, self._is_young)

    @cached_property
    def _is_young(self) -> Bools:
        return self.fitted_counts <= YOUNG_COUNT

    def mix_rows(self, request: Request, opinions: Sequence[Opinion], items: Rows) -> Mixed:
        """Return some items as candidates, with their evidence and their score."""
        evidence = gather(said(opinions, items), items, request, self.fitted_counts, self.calibration)
        return Mixed(evidence, self.form.combine(evidence), tuple(opinion.spoke for opinion in opinions))

    def prepare(self, threads: int = 1) -> None:
        """Do before the first request what all requests need, so many experts at once."""
        _ = self._is_young
        in_parallel(lambda expert: expert.prepare(), self.experts, threads)

    def contributions(self, mixed: Mixed, places: NDArray[np.int64]) -> Floats:
        """Return how much lower each candidate at `places` would score had one expert been silent.

        float32 [len(places), n_experts]: occlusion (Zeiler and Fergus 2014), the same for every form.
        """
        few, n_candidates, form = chosen(mixed.evidence, places), len(mixed.scores), by_row(self.form)
        said = form.combine(few)
        effects = [
            said - form.combine(occluded(few, expert, n_candidates)) if spoke else None
            for expert, spoke in enumerate(mixed.spoke)
        ]
        nothing = np.zeros(len(places), np.float32)
        return np.stack([nothing if effect is None else effect for effect in effects], axis=1)

    def level(self, mixed: Mixed) -> Level:
        """Return what the answer rests on: the most personal family of experts that could say anything."""
        families = {expert.family for expert, spoke in zip(self.experts, mixed.spoke, strict=True) if spoke}
        if "collaborative" in families:
            return "hybrid"
        return "content" if "content" in families else "popular"


def ask(experts: Sequence[Expert], request: Request) -> list[Opinion]:
    """Return every expert's opinion; in training, evaluation and serving alike."""
    return [expert.opinion(request) for expert in experts]


def said(opinions: Sequence[Opinion], items: Rows) -> Floats:
    """Return what every expert says of some items, float32 [n_experts, n]."""
    return np.stack([opinion.of(items) for opinion in opinions])


def shares(contributions: Floats) -> Floats:
    """Return contributions [n, n_experts] as shares of each row: non-negative, summing to 1.

    What pulls a score down has no share; where nothing pulls up, the sizes count.

    >>> shares(np.array([[3.0, -1.0, 1.0]])).tolist()
    [[0.75, 0.0, 0.25]]
    """
    up = np.maximum(contributions, 0)
    up = np.where(up.sum(axis=1, keepdims=True) > 0, up, np.abs(contributions))
    total = up.sum(axis=1, keepdims=True)
    even = np.float32(1 / contributions.shape[1])
    return np.where(total > 0, up / np.where(total > 0, total, 1), even).astype(np.float32)
