"""Lessons as a form is fitted on them: every right answer beside a few wrong ones that stand for all.

Owns the drawing. A list as it is served has hundreds of candidates; a step sees `WIDTH` of them, others each time. What
a drawn one stands for is put right in the loss: log of how many is added to its score, which makes the softmax over
those drawn an estimate of the one over all (sampled softmax, Bengio and Senécal 2008). When to stop is judged on whole
lists.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats
from coldframe.models.lessons import Lessons

WIDTH = 160
"""Candidates of a lesson that a step sees."""
NOBODY = -1e9
"""What padding has added to its score."""


@dataclass(frozen=True)
class Padded:
    """Lessons side by side: features, context float32 [n, width, …], and [n, width]:

    `target`, 1 ÷ right answers on the right ones; `added` to a score in the loss, `NOBODY` on padding.
    """

    features: Floats
    context: Floats
    target: Floats
    added: Floats

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Candidates:
    """The candidates of lessons one after the other, [total, …]; lesson i has rows starts[i] … starts[i + 1].

    `order` int64 [total] has the rows of each lesson again, its right answers first, `n_right` int64 [n] of them.
    """

    features: Floats
    context: Floats
    is_right: Bools
    starts: NDArray[np.int64]
    order: NDArray[np.int64]
    n_right: NDArray[np.int64]

    @staticmethod
    def of(lessons: Lessons) -> "Candidates":
        """Return those of every lesson that has a right answer among them."""
        useful = [lesson for lesson in lessons.lessons if lesson.is_right.any()]
        starts = np.cumsum([0, *(len(lesson.is_right) for lesson in useful)])
        is_right = np.concatenate([np.empty(0, np.bool_), *(lesson.is_right for lesson in useful)])
        evidence = [lesson.evidence for lesson in useful or lessons.lessons[:1]]
        return Candidates(
            np.concatenate([each.features for each in evidence]),
            np.concatenate([each.context for each in evidence]),
            is_right,
            starts,
            np.lexsort((~is_right, np.repeat(np.arange(len(useful)), np.diff(starts)))),
            np.array([lesson.is_right.sum() for lesson in useful], np.int64),
        )

    def __len__(self) -> int:
        return len(self.n_right)

    def whole(self, lessons: NDArray[np.int64], width: int) -> Padded:
        """Return some lessons with all their candidates, of which none may have more than `width`."""
        size, column = np.diff(self.starts)[lessons], np.arange(width)
        there = column < size[:, None]
        rows = np.where(there, self.starts[lessons][:, None] + column, 0)
        return self._padded(rows, self.is_right[rows] & there, np.where(there, 0.0, NOBODY))

    def drawn(self, lessons: NDArray[np.int64], draw: np.random.Generator) -> Padded:
        """Return some lessons with their right answers, at most half of `WIDTH`, and wrong ones drawn evenly, each as
        often as it comes; a lesson that has no more than `WIDTH` candidates is whole.
        """
        size, n_right, column = np.diff(self.starts)[lessons], self.n_right[lessons], np.arange(WIDTH)
        fits, kept = size <= WIDTH, np.minimum(n_right, WIDTH // 2)
        n_wrong = size - n_right
        other = n_right[:, None] + (draw.random((len(lessons), WIDTH)) * n_wrong[:, None]).astype(np.int64)
        right = column < np.where(fits, n_right, kept)[:, None]
        place = np.minimum(np.where(fits[:, None] | right, column, other), size[:, None] - 1)
        stands_for = np.where(fits, 1.0, n_wrong / np.maximum(WIDTH - kept, 1))
        added = np.where(right, 0.0, np.log(np.maximum(stands_for, 1e-9))[:, None])
        added[fits] = np.where(column < size[fits, None], 0.0, NOBODY)
        return self._padded(self.order[self.starts[lessons][:, None] + place], right, added)

    def thinned(self, draw: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows, ascending, with at most `WIDTH` of each lesson, right answers kept first, and how many each has,
        int64 [n].
        """
        rows = [self._some_of(lesson, draw) for lesson in range(len(self))]
        return np.concatenate(rows), np.array([len(each) for each in rows], np.int64)

    def _some_of(self, lesson: int, draw: np.random.Generator) -> NDArray[np.int64]:
        rows = self.order[self.starts[lesson] : self.starts[lesson + 1]]
        if len(rows) <= WIDTH:
            return np.sort(rows)
        right, wrong = np.split(rows, [self.n_right[lesson]])
        right = right[: max(WIDTH // 2, WIDTH - len(wrong))]
        return np.sort(np.concatenate([right, draw.choice(wrong, WIDTH - len(right), replace=False)]))

    def _padded(self, rows: NDArray[np.int64], right: Bools, added: NDArray[np.float64]) -> Padded:
        target = (right / np.maximum(right.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        features, context = self.features.take(rows, axis=0), self.context.take(rows, axis=0)
        return Padded(features, context, target, added.astype(np.float32))
