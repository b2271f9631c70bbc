"""Questions as arrays: what the forms of the mixer are fitted and compared on.

Owns the padding and the calibration. Candidates are those that serving would retrieve.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Floats, Rows
from coldframe.models.questions import Question
from coldframe.scoring.hybrid import YOUNG_COUNT, Retriever, ask, said
from coldframe.scoring.mixing import CONTEXT, Calibration, Evidence, gather
from coldframe.scoring.mixing.evidence import PER_EXPERT
from coldframe.scoring.mixing.forms import buckets
from coldframe.scoring.request import Expert
from coldframe.scoring.threads import one_thread_each

UNCALIBRATED = 1.0


@dataclass(frozen=True)
class Lesson:
    """One question's candidates: evidence, which of them are right, and how many right answers there were in all."""

    evidence: Evidence
    is_right: Bools
    n_relevant: int
    user_count: int
    user: int


@dataclass(frozen=True)
class Lessons:
    """Lessons in order of time, on one scale."""

    lessons: tuple[Lesson, ...]
    calibration: Calibration

    def __len__(self) -> int:
        return len(self.lessons)

    def part(self, rows: NDArray[np.int64]) -> "Lessons":
        """Return some of the lessons."""
        return Lessons(tuple(self.lessons[row] for row in rows), self.calibration)

    def split(self, share: float) -> tuple["Lessons", "Lessons"]:
        """Return the lessons without their last `share`, and those."""
        cut = len(self) - max(1, round(len(self) * share))
        return Lessons(self.lessons[:cut], self.calibration), Lessons(self.lessons[cut:], self.calibration)

    @property
    def bucket(self) -> NDArray[np.int64]:
        """The bucket of each lesson's user history, int64 [n]."""
        return buckets(np.log1p(np.array([lesson.user_count for lesson in self.lessons], np.float32)))

    @property
    def user(self) -> NDArray[np.int64]:
        """The number of each lesson's user, int64 [n]."""
        return np.array([lesson.user for lesson in self.lessons], np.int64)

    @property
    def recall(self) -> float:
        """Share of all right answers that are candidates."""
        found = sum(int(lesson.is_right.sum()) for lesson in self.lessons)
        return found / max(sum(lesson.n_relevant for lesson in self.lessons), 1)


def gather_lessons(
    questions: Sequence[Question],
    experts: tuple[Expert, ...],
    retriever: Retriever,
    fitted_counts: NDArray[np.int32],
    *,
    calibration: Calibration | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Lessons:
    """Return the lessons of questions; without a calibration the scale is taken from these very candidates."""
    plain = Calibration(np.full(len(experts), UNCALIBRATED, np.float32))

    def lesson(question: Question) -> Lesson:
        request = question.request
        opinions = ask(experts, request)
        items = retriever.candidates(request, experts, opinions, fitted_counts <= YOUNG_COUNT)
        evidence = gather(said(opinions, items), items, request, fitted_counts, plain)
        is_right = np.isin(items, question.relevant)
        return Lesson(evidence, is_right, len(question.relevant), len(request.history), question.user)

    found: list[Lesson] = []
    with one_thread_each(), ThreadPoolExecutor(threads) as pool:
        for done, one in enumerate(pool.map(lesson, questions), 1):
            found.append(one)
            if progress is not None and done % 100 == 0:
                progress(done, len(questions))
    scale = calibration or _calibration(found, len(experts))
    return Lessons(tuple(_scaled(one, scale) for one in found), scale)


def _calibration(lessons: Sequence[Lesson], n_experts: int) -> Calibration:
    """Return each expert's root mean square over all candidates it could score."""
    squares, known = np.zeros(n_experts), np.zeros(n_experts)
    for lesson in lessons:
        raw = lesson.evidence.features[:, ::PER_EXPERT].astype(np.float64)
        squares += (raw**2).sum(axis=0)
        known += (lesson.evidence.features[:, 2::PER_EXPERT] == 0).sum(axis=0)
    scale = np.sqrt(squares / np.maximum(known, 1))
    return Calibration(np.where(scale > 1e-9, scale, 1).astype(np.float32))


def _scaled(lesson: Lesson, calibration: Calibration) -> Lesson:
    lesson.evidence.features[:, ::PER_EXPERT] /= calibration.scale
    return lesson


@dataclass(frozen=True)
class Padded:
    """Lessons side by side for a network: [n, width, …], `mask` False on padding.

    `target` float32 [n, width]: 1 ÷ right answers on the right ones; lessons without a right candidate are left out.
    """

    features: Floats
    context: Floats
    target: Floats
    mask: Bools

    def __len__(self) -> int:
        return len(self.target)


def padded(lessons: Lessons, *, width: int, draw: np.random.Generator) -> Padded:
    """Return lessons with at most `width` candidates each: every right one, and others drawn evenly."""
    useful = [lesson for lesson in lessons.lessons if lesson.is_right.any()]
    n = len(useful)
    n_features = len(lessons.calibration.scale) * PER_EXPERT
    features = np.zeros((n, width, n_features), np.float32)
    context = np.zeros((n, width, len(CONTEXT)), np.float32)
    target, mask = np.zeros((n, width), np.float32), np.zeros((n, width), np.bool_)
    for row, lesson in enumerate(useful):
        chosen = _chosen(lesson.is_right, width, draw)
        size = len(chosen)
        features[row, :size] = lesson.evidence.features[chosen]
        context[row, :size] = lesson.evidence.context[chosen]
        target[row, :size] = lesson.is_right[chosen] / lesson.is_right[chosen].sum()
        mask[row, :size] = True
    return Padded(features, context, target, mask)


def _chosen(is_right: Bools, width: int, draw: np.random.Generator) -> Rows:
    if len(is_right) <= width:
        return np.arange(len(is_right), dtype=np.int32)
    wrong = np.flatnonzero(~is_right)
    right = np.flatnonzero(is_right)[: max(width // 2, width - len(wrong))]
    rest = draw.choice(wrong, width - len(right), replace=False)
    return np.sort(np.concatenate([right, rest])).astype(np.int32)
