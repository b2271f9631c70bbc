"""One scorer, some requests, their score vectors.

Owns the choice between one request at a time and several at once. Never ranks.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from coldframe.dataset.training_set import Floats
from coldframe.errors import InputError
from coldframe.scoring.request import Request, Scorer

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or a thread pool's."""


@runtime_checkable
class BatchScorer(Scorer, Protocol):
    """A scorer that answers several requests faster together than one by one.

    A vector of a batch may differ from the same request alone by the rounding of a matrix product, and by no more:
    an evaluation may use either.
    """

    def score_batch(self, requests: Sequence[Request]) -> Floats:
        """Return float32 [n_requests, n_items], row i what `score(requests[i])` says."""
        ...


def scores_of(scorer: Scorer, requests: Sequence[Request], run: Map = map) -> Iterable[Floats]:
    """Yield one score vector per request, in order: in one call where the scorer can, else one by one through `run`.

    Raises `InputError` when a batch has another number of rows than there are requests.
    """
    if not isinstance(scorer, BatchScorer):
        return run(scorer.score, requests)
    scores = scorer.score_batch(requests)
    if len(scores) != len(requests):
        raise InputError(
            f"{scorer.name} answered {len(requests)} requests with {len(scores)} rows.",
            remedy="score_batch returns one row per request.",
        )
    return scores
