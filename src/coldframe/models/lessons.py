"""Questions as arrays: what the forms of the mixer are fitted and compared on.

Owns the calibration. Candidates are those that serving would retrieve.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools
from coldframe.models.questions import Question
from coldframe.scoring.hybrid import YOUNG_COUNT, Retriever, ask, said
from coldframe.scoring.mixing import Calibration, Evidence, gather
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
