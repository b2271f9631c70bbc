"""How good is each model, honestly: the same questions for all, full ranking, intervals, slices.

Owns the order of an evaluation: lists, values per request, estimates, comparisons. Reads no file and fits nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from coldframe.evaluation.lists import Lists, Ranking, rank_everything
from coldframe.evaluation.measure import (
    Differences,
    Numbers,
    Slice,
    Values,
    Yardstick,
    by_item,
    by_user,
    values_per_request,
    whole,
)
from coldframe.evaluation.plan import OVERALL, Plan
from coldframe.scoring.request import Scorer
from coldframe.store.protocol import Progress


@dataclass(frozen=True)
class PerRequest:
    """One view before averaging: its lists, and model → metric at k → one value per request."""

    lists: Lists
    values: Values


@dataclass(frozen=True)
class EvaluationReport:
    """What an evaluation found.

    `models` is the view `overall`; `slices` adds the other views and the buckets of user and item history, each with
    its number of requests in `slice_requests`. `differences` compare `reference`, the first model, with each other
    one, pair by pair; `slice_differences` do so in every slice. `facts` say what the split left out, `left_out` which
    models the data could not teach. `per_request` keeps the values behind every mean.
    """

    protocol: str
    ks: tuple[int, ...]
    reference: str
    fallback: str | None
    n_requests: int
    n_users: int
    n_items: int
    models: Mapping[str, Numbers]
    slices: Mapping[str, Mapping[str, Numbers]]
    slice_requests: Mapping[str, int]
    differences: Differences
    slice_differences: Mapping[str, Differences]
    seconds: Mapping[str, float]
    facts: Mapping[str, float]
    per_request: Mapping[str, PerRequest] = field(repr=False)
    left_out: tuple[str, ...] = ()


def evaluate(
    plan: Plan,
    scorers: Mapping[str, Scorer],
    *,
    ks: Sequence[int] = (10, 20),
    seed: int = 0,
    fallback: Scorer | None = None,
    draws: int = 1000,
    threads: int = 1,
    progress: Progress | None = None,
    stopwatch: Callable[[], float] = perf_counter,
) -> EvaluationReport:
    """Return every model's metrics on the questions of a plan; the first model is the reference of the comparisons.

    `fallback` (popularity, usually) orders what a scorer cannot score; the metric `filled@k` shows how much of the
    lists that was. Without one, lists end early. `draws` are those of the bootstrap. Raises `InputError` without a
    model or with k < 1, and `DataError` when there is no question.
    """
    ranking = rank_everything(
        plan, scorers, ks=ks, seed=seed, fallback=fallback, threads=threads, progress=progress, stopwatch=stopwatch
    )
    filler = fallback.name if fallback is not None else None
    return measured(plan, ranking, next(iter(scorers)), filler, ks=ks, seed=seed, draws=draws, stopwatch=stopwatch)


def measured(
    plan: Plan,
    ranking: Ranking,
    reference: str,
    fallback: str | None,
    *,
    ks: Sequence[int],
    seed: int,
    draws: int = 1000,
    stopwatch: Callable[[], float] = perf_counter,
) -> EvaluationReport:
    """Return the report on lists that were asked for: the second half of `evaluate`.

    `plan` says what the catalogue is and which items are popular in it. The lists may be those of several trainings,
    `Ranking.joined`; `reference` has some.
    """
    started = stopwatch()
    yardstick = Yardstick.of(plan.training_set, ks, reference=reference, seed=seed, draws=draws)
    per_request = {
        view: PerRequest(lists, values_per_request(lists, yardstick)) for view, lists in ranking.views.items()
    }
    slices = {one.name: one for one in _slices(per_request, yardstick)}
    main = per_request[OVERALL].lists
    return EvaluationReport(
        protocol=plan.protocol,
        ks=yardstick.ks,
        reference=yardstick.reference,
        fallback=fallback,
        n_requests=len(main),
        n_users=len(main.user_ids),
        n_items=plan.training_set.n_items,
        models=slices[OVERALL].models,
        slices={name: one.models for name, one in slices.items()},
        slice_requests={name: one.n_requests for name, one in slices.items()},
        differences=slices[OVERALL].differences,
        slice_differences={name: one.differences for name, one in slices.items()},
        seconds={name: round(spent, 3) for name, spent in ranking.seconds.items()}
        | {"ranking": round(sum(ranking.seconds.values()), 3), "measuring": round(stopwatch() - started, 3)},
        facts=plan.facts,
        per_request=per_request,
    )


def _slices(per_request: Mapping[str, PerRequest], yardstick: Yardstick) -> Iterator[Slice]:
    """Yield `overall`, the other views, and the buckets of user and item history."""
    for view, one in sorted(per_request.items(), key=lambda entry: entry[0] != OVERALL):
        yield whole(view, one.lists, one.values, yardstick)
    main = per_request[OVERALL]
    yield from by_user(main.lists, main.values, yardstick)
    yield from by_item(main.lists, yardstick)
