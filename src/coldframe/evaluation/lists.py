"""Ask every scorer every question once and keep the lists.

Owns the loop: the only place where scorers are called. Memory grows with requests × models × k, never with the
catalogue.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.errors import DataError, InputError
from coldframe.evaluation.asking import scores_of
from coldframe.evaluation.plan import Case, Plan
from coldframe.evaluation.ranking import TopK, request_key, top_k
from coldframe.metrics import Ragged
from coldframe.scoring.hybrid import YOUNG_COUNT
from coldframe.scoring.request import Scorer
from coldframe.scoring.threads import one_thread_each
from coldframe.store.protocol import Progress

AT_ONCE = 64
"""Requests held in memory at a time, each with a candidate mask."""


@dataclass(frozen=True)
class Lists:
    """All lists of one view: n requests, one entry each in every array.

    `user` is a dense number per user (for clustering), `user_ids` what it stands for; `history` events before the
    request; `relevant` the right answers and `target_counts` the events on each of them by then. Per model,
    `ranked` is int32 [n, k_max] (−1 where a list ends) and `n_scored` how many places came from the model itself
    rather than the fallback; `young` bool [n, k_max] which of the ranked had at most 5 events by then.
    `candidates` marks items that at least one request could have shown.
    """

    user_ids: tuple[str, ...]
    user: NDArray[np.int64]
    history: NDArray[np.int64]
    relevant: Ragged
    target_counts: NDArray[np.int64]
    candidates: Bools
    ranked: Mapping[str, Rows]
    n_scored: Mapping[str, NDArray[np.int64]]
    young: Mapping[str, Bools]

    def __len__(self) -> int:
        return len(self.user)

    @staticmethod
    def joined(parts: Sequence["Lists"]) -> "Lists":
        """Return the lists of several trainings over the same catalogue, one after the other.

        A model is kept if every training has it.
        """
        if len(parts) == 1:
            return parts[0]
        names = [name for name in parts[0].ranked if all(name in part.ranked for part in parts)]
        ids, user = np.unique(
            np.concatenate([np.array(part.user_ids, dtype=object)[part.user] for part in parts]), return_inverse=True
        )
        sizes = np.concatenate([np.diff(part.relevant.indptr) for part in parts])
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return Lists(
            user_ids=tuple(ids.tolist()),
            user=user.astype(np.int64),
            history=np.concatenate([part.history for part in parts]),
            relevant=Ragged(indptr, np.concatenate([part.relevant.items for part in parts])),
            target_counts=np.concatenate([part.target_counts for part in parts]),
            candidates=np.logical_or.reduce([part.candidates for part in parts]),
            ranked={name: np.concatenate([part.ranked[name] for part in parts]) for name in names},
            n_scored={name: np.concatenate([part.n_scored[name] for part in parts]) for name in names},
            young={name: np.concatenate([part.young[name] for part in parts]) for name in names},
        )


@dataclass(frozen=True)
class Ranking:
    """What came of asking one training's questions: view → lists, and the seconds that each scorer took."""

    views: Mapping[str, Lists]
    seconds: Mapping[str, float]

    @staticmethod
    def joined(parts: Sequence["Ranking"]) -> "Ranking":
        """Return the questions of several trainings as if they were one's; seconds add up."""
        views = {view: None for part in parts for view in part.views}
        seconds = {name: sum(part.seconds.get(name, 0.0) for part in parts) for name in parts[0].seconds}
        return Ranking(
            {view: Lists.joined([part.views[view] for part in parts if view in part.views]) for view in views}, seconds
        )


@dataclass
class _Growing:
    """What is known of one view so far."""

    candidates: Bools
    users: list[str] = field(default_factory=list[str])
    history: list[int] = field(default_factory=list[int])
    relevant: list[Rows] = field(default_factory=list[Rows])
    counts: list[NDArray[np.int32]] = field(default_factory=list[NDArray[np.int32]])
    lists: dict[str, list[TopK]] = field(default_factory=dict[str, list[TopK]])
    young: dict[str, list[Bools]] = field(default_factory=dict[str, list[Bools]])


def rank_everything(
    plan: Plan,
    scorers: Mapping[str, Scorer],
    *,
    ks: Sequence[int],
    seed: int,
    fallback: Scorer | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    stopwatch: Callable[[], float] = perf_counter,
) -> Ranking:
    """Return the lists of each view, and the seconds each scorer took to score and rank.

    Every scorer answers the same requests in the same order, with lists of the largest of `ks`. `fallback` orders what
    a scorer cannot score. With several threads a scorer is called from all of them. Raises `InputError` without a
    scorer or a k of at least 1, and `DataError` when there is no question.
    """
    if not scorers or not ks or min(ks) < 1:
        raise InputError("There is no model or no list length to evaluate.", remedy="Name a model and k of at least 1.")
    if len(plan.cases) == 0:
        raise DataError(
            "The split leaves no request to test on.", remedy="Check the test rows, their weights and the split."
        )
    trained = np.bincount(plan.training_set.interactions.item, minlength=plan.training_set.n_items).astype(np.int32)
    views: dict[str, _Growing] = {}
    seconds = dict.fromkeys(scorers, 0.0)
    done = 0

    def rank(asked: tuple[Case, Floats]) -> TopK:
        return _ranked(*asked, max(ks), seed, fallback)

    with one_thread_each(), ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        run = pool.map if pool is not None else map
        for chunk in _chunks(iter(plan.cases)):
            for case in chunk:
                growing = views.setdefault(case.view, _Growing(np.zeros(plan.training_set.n_items, np.bool_)))
                _note(growing, case, trained)
            for name, scorer in scorers.items():
                started = stopwatch()
                scored = zip(chunk, scores_of(scorer, [case.request for case in chunk], run), strict=True)
                ranked = list(run(rank, scored))
                seconds[name] += stopwatch() - started
                for case, one in zip(chunk, ranked, strict=True):
                    growing = views[case.view]
                    growing.lists.setdefault(name, []).append(one)
                    growing.young.setdefault(name, []).append(_young(case, one.items, trained))
            done += len(chunk)
            if progress is not None:
                progress(done, len(plan.cases))
    return Ranking({view: _closed(growing) for view, growing in views.items()}, seconds)


def _chunks(cases: Iterator[Case]) -> Iterator[list[Case]]:
    while chunk := list(islice(cases, AT_ONCE)):
        yield chunk


def _ranked(case: Case, scores: Floats, k: int, seed: int, fallback: Scorer | None) -> TopK:
    request = case.request
    filler = fallback.score(request) if fallback is not None and np.isnan(scores).any() else None
    return top_k(scores, k, key=request_key(seed, case.user_id, request.now), allowed=request.allowed, fallback=filler)


def _note(growing: _Growing, case: Case, trained: NDArray[np.int32]) -> None:
    request = case.request
    growing.candidates |= True if request.allowed is None else request.allowed
    growing.users.append(case.user_id)
    growing.history.append(len(request.history))
    growing.relevant.append(case.relevant)
    growing.counts.append(_counts(case, trained)[case.relevant])


def _counts(case: Case, trained: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the events per item by the moment of a question."""
    return trained if case.request.item_counts is None else case.request.item_counts


def _young(case: Case, items: Rows, trained: NDArray[np.int32]) -> Bools:
    return (items >= 0) & (_counts(case, trained)[items] <= YOUNG_COUNT)


def _closed(growing: _Growing) -> Lists:
    ids, user = np.unique(np.array(growing.users, dtype=object), return_inverse=True)
    indptr = np.concatenate([[0], np.cumsum([len(items) for items in growing.relevant])]).astype(np.int64)
    return Lists(
        user_ids=tuple(ids.tolist()),
        user=user.astype(np.int64),
        history=np.array(growing.history, dtype=np.int64),
        relevant=Ragged(indptr, _joined(growing.relevant).astype(np.int32)),
        target_counts=_joined(growing.counts),
        candidates=growing.candidates,
        ranked={name: np.stack([one.items for one in lists]) for name, lists in growing.lists.items()},
        young={name: np.stack(lists) for name, lists in growing.young.items()},
        n_scored={name: np.array([one.n_scored for one in lists]) for name, lists in growing.lists.items()},
    )


def _joined(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)
