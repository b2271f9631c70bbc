"""What an evaluation is made of: what to learn from, and the questions asked afterwards.

Owns the shapes that the three protocols share: `Split` (which rows are whose), `Plan` (the same over item rows) and
`Case` (one question with its right answer). Never scores and never averages.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coldframe.dataset.training_set import NEVER, Bools, Floats, Rows, TrainingSet
from coldframe.domain import Item, User
from coldframe.scoring.request import History, Request

OVERALL = "overall"
"""The view that the main table shows: every candidate, every right answer."""

Weigh = Callable[[pl.DataFrame], Floats]
"""Frame of events → signed float32 weight per row, the same that training uses; a row worth 0 or less is no target."""


@dataclass(frozen=True)
class Case:
    """One question and its right answer.

    `relevant` holds the distinct item rows that count as hits. `view` says among which candidates (`overall`, `warm`,
    `cold`, `discovery`); `request.allowed` is that set for this user. Every time in `request.history` is before
    `request.now`; a `Case` that knows its own future cannot be built.
    """

    user_id: str
    request: Request
    relevant: Rows
    view: str = OVERALL

    def __post_init__(self) -> None:
        times = self.request.history.timestamp
        if len(times) and int(times.max()) >= self.request.now:
            raise ValueError(f"the history of user {self.user_id!r} reaches to or beyond the moment of the request")


@dataclass(frozen=True)
class Cases:
    """Questions made anew at each pass, so that a hundred thousand candidate masks are never held at once.

    `n` is how many there are.
    """

    n: int
    make: Callable[[], Iterator[Case]]

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Case]:
        return self.make()

    @staticmethod
    def none() -> "Cases":
        """Return no question at all."""
        return Cases(0, lambda: iter(()))


@dataclass(frozen=True)
class Sampling:
    """How many requests to keep at most (None: all) and the seed of the draw."""

    max_requests: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """A split laid out over the rows of one training set.

    `cases` are the test questions, `validation` those that mixers and settings may learn from; no test row is in
    either the training set or `validation`. `facts` are counts and shares that a reader needs to trust the figures.
    """

    protocol: str
    training_set: TrainingSet
    cases: Cases
    validation: Cases = field(default_factory=Cases.none)
    facts: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Split:
    """Which events may be learned from, and the catalogue. Ids only; rows come with the training set.

    `train` has the columns of `events.schema.EVENT_COLUMNS`. `items` names every item of the evaluation, bare where
    nothing is known of it. `as_of` is the end of the training events, exclusive. `lay_out` turns the rest of the split
    into questions. `later` are splits of the same catalogue that go on where this one's questions end, for models that
    are trained again as time goes by.
    """

    protocol: str
    train: pl.DataFrame
    items: tuple[Item, ...]
    users: tuple[User, ...]
    as_of: datetime
    lay_out: Callable[[TrainingSet, Weigh, Sampling], Plan]
    later: tuple["Split", ...] = ()

    def plan(self, training_set: TrainingSet, weigh: Weigh, sampling: Sampling | None = None) -> Plan:
        """Return the questions over the rows of a training set built from `train`, `items` and `users`."""
        return self.lay_out(training_set, weigh, sampling or Sampling())


def complete_catalogue(items: tuple[Item, ...], *frames: pl.DataFrame) -> tuple[Item, ...]:
    """Return the items and a bare one for each id that only events mention, in order of id.

    >>> [item.item_id for item in complete_catalogue((Item(item_id="b"),), pl.DataFrame({"item_id": ["c", "b"]}))]
    ['b', 'c']
    """
    known = {item.item_id: item for item in items}
    mentioned = {str(identifier) for frame in frames for identifier in frame["item_id"].unique().to_list()}
    bare = {identifier: Item(item_id=identifier) for identifier in mentioned - known.keys()}
    return tuple(item for _, item in sorted((known | bare).items()))


def end_of(events: pl.DataFrame) -> datetime:
    """Return the moment one microsecond after the newest event; the epoch plus one for no event."""
    newest = events["timestamp"].max()
    return (newest if isinstance(newest, datetime) else datetime(1970, 1, 1, tzinfo=UTC)) + timedelta(microseconds=1)


def sampled(n: int, sampling: Sampling, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return which of n requests to ask, ascending: all of them, or a draw without replacement."""
    if sampling.max_requests is None or sampling.max_requests >= n:
        return np.arange(n)
    return np.sort(generator.choice(n, size=sampling.max_requests, replace=False))


def request_of(
    training_set: TrainingSet,
    user_id: str,
    history: History,
    now: int,
    allowed: Bools,
    item_counts: NDArray[np.int32] | None = None,
) -> Request:
    """Return what a service would ask at `now` (µs) for a user with this past, by what is known of him then."""
    row = training_set.users.row_of.get(user_id, -1)
    told = training_set.user_features
    return Request.known_at(
        now,
        history,
        signed_up_at=int(told.signed_up_at[row]) if row >= 0 else NEVER,
        attributes=told.attributes.row(row) if row >= 0 else None,
        allowed=allowed,
        item_counts=item_counts,
    )
