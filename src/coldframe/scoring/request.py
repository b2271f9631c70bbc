"""What a scorer is asked: one user's past, and when and among what the answer is wanted.

The same request is built offline by the evaluation and online by the engine, so the same line of code answers both.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import NEVER, Bools, Floats, Rows, Times

if TYPE_CHECKING:
    from coldframe.scoring.opinion import Opinion
    from coldframe.scoring.profile import Profile, Recall


class Distinct(NamedTuple):
    """Different item rows, ascending, and for each event the place of its item among them."""

    items: Rows
    place: NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """A user's events before the request, oldest first: parallel arrays of length n_events.

    `weight` is signed as in `Interactions`; `timestamp` in µs.
    """

    item: Rows
    weight: Floats
    timestamp: Times

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def distinct(self) -> "Distinct":
        """The items of these events, each once."""
        return Distinct(*np.unique(self.item, return_inverse=True))

    @staticmethod
    def empty() -> "History":
        """Return the past of somebody who has none."""
        return History(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))


@dataclass(frozen=True)
class Request:
    """One question: what should this user see now?

    `allowed` masks the catalogue (None: every item); `attributes` are rows of the user-attribute vocabulary;
    `item_counts` are interactions per item up to now (None: as when the experts were fitted).
    """

    history: History = field(default_factory=History.empty)
    now: int = NEVER
    signed_up_at: int = NEVER
    attributes: Rows = field(default_factory=lambda: np.empty(0, np.int32))
    allowed: Bools | None = None
    item_counts: NDArray[np.int32] | None = None

    @cached_property
    def recalled(self) -> "dict[Recall, Profile]":
        """What the past says, by how it is remembered: experts that remember alike ask once."""
        return {}

    @cached_property
    def narrowed(self) -> "dict[int, Request]":
        """What is left of it for experts that know the first so many items alone."""
        return {}

    @staticmethod
    def known_at(
        now: int,
        history: History,
        *,
        signed_up_at: int = NEVER,
        attributes: Rows | None = None,
        allowed: Bools | None = None,
        item_counts: NDArray[np.int32] | None = None,
    ) -> "Request":
        """Return the question about a user by what is known of him at `now`, in training, evaluation and serving alike.

        Of a user whose record says that he signs up later, nothing but his past is known; his first event stands in for
        a sign-up that nobody recorded.

        >>> past = History(np.array([3], np.int32), np.ones(1, np.float32), np.array([5]))
        >>> Request.known_at(9, past).signed_up_at, Request.known_at(9, past, signed_up_at=2).signed_up_at
        (5, 2)
        """
        nothing = np.empty(0, np.int32)
        told = nothing if attributes is None or signed_up_at > now else attributes
        if signed_up_at == NEVER or signed_up_at > now:
            signed_up_at = int(history.timestamp[0]) if len(history) else NEVER
        return Request(history, now, signed_up_at, told, allowed, item_counts)


Family = Literal["collaborative", "content", "popular"]
"""What an expert's word rests on: who took what together, what things are, or what everybody takes."""


class Scorer(Protocol):
    """Anything that scores the catalogue for one request.

    An expert, the mixer and a baseline are all scorers; higher is better, NaN says "cannot score this item":
    missing is not zero.
    """

    @property
    def name(self) -> str:
        """A short name, as `--models` takes it."""
        ...

    def score(self, request: Request) -> Floats:
        """Return one float32 score per item row, NaN where this scorer cannot say."""
        ...


class Expert(Scorer, Protocol):
    """A scorer that a bundle carries and the mixer weighs; `opinion` is what most of them inherit a form of."""

    @property
    def family(self) -> Family:
        """What its word rests on."""
        ...

    def opinion(self, request: Request) -> "Opinion":
        """Return the same scores, to be asked only for the best and for some."""
        ...

    def prepare(self) -> None:
        """Do before the first request what all requests need, so that nobody waits for it."""
        ...
