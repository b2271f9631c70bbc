"""Nothing at or after a question may reach it: not in a history, a count, a candidate, a right answer's neighbour or a
fitted baseline. The same checks must fail when the future is let in, or they would check nothing."""

import dataclasses
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from worlds import events, training_set, weigh

from coldframe.clock import generator
from coldframe.dataset.counts import RunningCounts
from coldframe.dataset.training_set import micros
from coldframe.evaluation import evaluate, fit_baselines, time_split
from coldframe.evaluation.log import Log
from coldframe.evaluation.time_split import Lifetimes


def random_log(seed=0, visits=200, users=12, items=150):
    """Visits of two items each, most of them among the four that the user likes."""
    random = generator(seed, "peeking")
    taste = random.integers(0, items, (users, 4))
    rows = []
    for minute in np.sort(random.integers(0, 40_000, visits)):
        user = int(random.integers(users))
        for step in range(2):
            liked = random.random() < 0.7
            item = taste[user, random.integers(4)] if liked else random.integers(items)
            rows.append((f"u{user:02d}", f"i{item:03d}", int(minute) + step))
    return events(*rows)


def leaks(frame, split, made):
    """Everything that a question holds and could not have been known when it was asked."""
    when = frame["timestamp"].dt.epoch("us").to_numpy()
    item = np.array([made.training_set.items.row_of[one] for one in frame["item_id"]])
    found = set()
    for case in made.cases:
        past = when < case.request.now
        user = (frame["user_id"] == case.user_id).to_numpy()
        if (
            len(case.request.history) > (past & user).sum()
            or (case.request.history.timestamp >= case.request.now).any()
        ):
            found.add("history")
        if (case.request.item_counts > np.bincount(item[past], minlength=made.training_set.n_items)).any():
            found.add("counts")
        if not set(np.flatnonzero(case.request.allowed)) <= set(item[past]):
            found.add("candidates")
    cut = micros(split.as_of)
    known = np.bincount(item[when < cut], minlength=made.training_set.n_items)
    for name, scorer in fit_baselines(made.training_set, recent_days=5).items():
        if (scorer.score(next(iter(made.cases)).request) > known).any():
            found.add(name)
    return found


@pytest.fixture(scope="module")
def frame():
    return random_log()


def laid_out(frame, built=training_set):
    split = time_split(frame, fraction=0.6)
    return frame, split, split.plan(built(split), weigh)


def test_no_question_holds_its_future(frame):
    assert leaks(*laid_out(frame)) == set()


def test_a_history_that_reaches_the_moment_of_the_question_is_noticed(frame, monkeypatch):
    before = Log._before
    monkeypatch.setattr(Log, "_before", lambda self, actor, moment: before(self, actor, moment + 1))
    with pytest.raises(ValueError, match="reaches to or beyond"):
        leaks(*laid_out(frame))


def test_counts_with_the_event_of_the_question_are_noticed(frame, monkeypatch):
    before = RunningCounts.before
    monkeypatch.setattr(RunningCounts, "before", lambda self, moment: before(self, moment + 1))
    assert leaks(*laid_out(frame)) == {"counts"}


def test_candidates_that_come_into_being_with_the_question_are_noticed(frame, monkeypatch):
    exist = Lifetimes.exist
    monkeypatch.setattr(Lifetimes, "exist", lambda self, moment: exist(self, moment + 1))
    assert leaks(*laid_out(frame)) == {"candidates"}


def test_baselines_fitted_on_the_test_period_are_noticed(frame):
    def built(split):
        return training_set(dataclasses.replace(split, train=frame))

    assert {"popular", "recent-popular"} <= leaks(*laid_out(frame, built))


@pytest.fixture(scope="module")
def parts(frame):
    split = time_split(frame, fraction=0.6, refit_days=3)
    assert len(split.later) >= 2
    return [split, *split.later]


def test_no_question_of_a_later_training_holds_its_future(frame, parts):
    assert [leaks(frame, part, part.plan(training_set(part), weigh)) for part in parts] == [set()] * len(parts)


def test_a_training_that_knows_what_the_next_one_learns_is_noticed(frame, parts):
    for part, following in pairwise(parts):
        made = part.plan(training_set(dataclasses.replace(part, train=following.train)), weigh)
        assert "popular" in leaks(frame, part, made)


def test_what_happens_after_a_question_changes_nothing_of_it(frame):
    """A log that ends in the middle of the test period asks the same questions up to there."""
    split = time_split(frame, fraction=0.6)
    made = split.plan(training_set(split), weigh)
    moments = sorted({case.request.now for case in made.cases})
    middle = moments[len(moments) // 2]
    shorter = frame.filter(pl.col("timestamp").dt.epoch("us") <= middle)
    same_cut = time_split(shorter, fraction=(len(split.train) + 0.5) / len(shorter))
    assert same_cut.as_of == split.as_of
    again = same_cut.plan(training_set(same_cut), weigh)
    ids, others = made.training_set.items.ids, again.training_set.items.ids

    def told(case, ids):
        allowed = sorted(ids[row] for row in np.flatnonzero(case.request.allowed))
        counts = {ids[row]: int(count) for row, count in enumerate(case.request.item_counts) if count}
        return case.user_id, case.request.now, [ids[row] for row in case.request.history.item], allowed, counts

    early = [told(case, ids) for case in made.cases if case.request.now < middle]
    assert len(early) > 20
    assert early == [told(case, others) for case in again.cases if case.request.now < middle]


class Habit:
    """Scores what the user had before: the true rule of `random_log`."""

    name = "habit"

    def __init__(self, n_items):
        self.n_items = n_items

    def score(self, request):
        return np.bincount(request.history.item, minlength=self.n_items).astype(np.float32)


def hit_rates(frame):
    split = time_split(frame, fraction=0.6)
    made = split.plan(training_set(split), weigh)
    scorers = {"habit": Habit(made.training_set.n_items), **fit_baselines(made.training_set, recent_days=5)}
    report = evaluate(made, scorers, ks=[3], draws=50)
    return {name: numbers["hit_rate@3"] for name, numbers in report.models.items()}


def test_a_shuffled_future_brings_every_model_to_chance():
    frame = random_log(seed=1, visits=3000, users=40, items=40)
    cut = time_split(frame, fraction=0.6).as_of
    past, future = frame.filter(pl.col("timestamp") < cut), frame.filter(pl.col("timestamp") >= cut)
    names = [f"i{row:03d}" for row in generator(2, "shuffle").integers(0, 40, len(future))]
    shuffled = pl.concat([past, future.with_columns(item_id=pl.Series(names))])
    true, chance = hit_rates(frame), hit_rates(shuffled)
    assert true["habit"].low > 0.4
    assert true["random"].high < 0.2
    for name in ("habit", "popular", "recent-popular"):
        assert chance[name].value == pytest.approx(chance["random"].value, abs=0.04)
