"""Which candidates of a lesson a form is fitted on, and what each of them stands for."""

import numpy as np
import pytest

from coldframe.models import networks
from coldframe.models.drawn import NOBODY, WIDTH, Candidates
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.mixing import CONTEXT, Calibration, Evidence

SIZES = [(10, 3), (WIDTH, 1), (300, 5), (300, 200), (700, 1), (300, 300)]
"""(candidates, right answers) of each lesson; the last ones are right."""


def lesson(n, n_right):
    """A lesson whose candidates carry their number as their only feature."""
    features = np.arange(n, dtype=np.float32)[:, None].repeat(3, axis=1)
    evidence = Evidence(np.arange(n, dtype=np.int32), features, np.zeros((n, len(CONTEXT)), np.float32))
    return Lesson(evidence, np.arange(n) >= n - n_right, n_right, 0, 0)


ALL = Candidates.of(Lessons(tuple(lesson(*size) for size in SIZES), Calibration(np.ones(1, np.float32))))


@pytest.mark.parametrize("place", range(len(SIZES)))
def test_a_drawn_lesson_has_its_right_answers_and_others_that_are_wrong(place):
    n, n_right = SIZES[place]
    found = ALL.drawn(np.array([place]), np.random.default_rng(1))
    there, numbers = found.added[0] > NOBODY, found.features[0, :, 0]
    assert there.sum() == min(n, WIDTH)
    assert found.target.sum() == pytest.approx(1)
    right = found.target[0] > 0
    assert right.sum() == (n_right if n <= WIDTH else min(n_right, WIDTH // 2))
    assert (numbers[right] >= n - n_right).all()
    if n_right < n:
        assert (numbers[there & ~right] < n - n_right).all()


def test_a_whole_lesson_is_all_of_it():
    found = ALL.whole(np.array([0, 2]), 300)
    assert (found.added > NOBODY).sum(axis=1).tolist() == [10, 300]
    assert found.features[1, :, 0].tolist() == list(range(300))
    assert np.flatnonzero(found.target[0]).tolist() == [7, 8, 9]


def test_every_wrong_answer_comes_up_and_each_draw_is_another():
    draw = np.random.default_rng(2)
    met = [set(ALL.drawn(np.array([4]), draw).features[0, 1:, 0].tolist()) for _ in range(60)]
    assert len(set.union(*met)) == 699
    assert met[0] != met[1]


def test_the_loss_of_what_is_drawn_is_about_that_of_the_whole_list():
    """Scores that grow with the number: without what is added, the few drawn would look like the whole."""
    draw, rows = np.random.default_rng(3), np.array([2, 4])
    whole = ALL.whole(rows, 700)
    drawn = [ALL.drawn(rows, draw) for _ in range(200)]

    def loss(lessons):
        return float(networks._loss(lessons.features[:, :, 0] / 300, lessons.target, lessons.added))

    assert np.mean([loss(each) for each in drawn]) == pytest.approx(loss(whole), abs=0.02)
    bare = [float(networks._loss(each.features[:, :, 0] / 300, each.target, 0 * each.added)) for each in drawn]
    assert abs(np.mean(bare) - loss(whole)) > 0.5


@pytest.mark.parametrize("place", range(len(SIZES)))
def test_a_thinned_lesson_keeps_right_answers_and_its_width(place):
    rows, sizes = ALL.thinned(np.random.default_rng(1))
    start = sizes[:place].sum()
    own, (n, n_right) = rows[start : start + sizes[place]], SIZES[place]
    assert sizes[place] == min(n, WIDTH)
    assert (np.diff(own) > 0).all()
    assert ALL.is_right[own].sum() >= min(n_right, WIDTH // 2)


def test_lessons_without_a_right_candidate_teach_nothing():
    nothing = Lessons((lesson(5, 0),), Calibration(np.ones(1, np.float32)))
    assert len(Candidates.of(nothing)) == 0
