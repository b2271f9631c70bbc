"""`--test FILE` in a world worked out by hand: full catalogue, own training items filtered, one question a user."""

import numpy as np
import pytest
from worlds import Fixed, Oracle, bare, events, plan, questions, training_set, weigh

from coldframe.dataset.training_set import micros
from coldframe.domain import Item
from coldframe.errors import InputError
from coldframe.evaluation import Sampling, evaluate, published_split
from coldframe.evaluation.log import read_log

TRAIN = bare(("ann", "a"), ("ann", "b"), ("bob", "b"), ("bob", "c"))
TEST = bare(("ann", "c"), ("ann", "d"), ("ann", "d"), ("bob", "a"), ("eve", "b"))


@pytest.fixture
def made():
    return plan(published_split(TRAIN, TEST, items=[Item(item_id="e")]))


def test_the_questions(made):
    start = questions(made)[0][2]
    assert questions(made) == [
        ("ann", "overall", start, ["a", "b"], ["c", "d", "e"], ["c", "d"]),
        ("bob", "overall", start, ["b", "c"], ["a", "d", "e"], ["a"]),
        ("eve", "overall", start, [], ["a", "b", "c", "d", "e"], ["b"]),
    ]
    assert made.facts == {"test_events": 5, "users_asked": 3}


def test_the_numbers_by_hand(made):
    """Scores d > c > b > a > e. Lists of 2: ann d c, bob d a, eve d c."""
    scorer = Fixed(np.array([0.2, 0.3, 0.4, 0.5, 0.1], np.float32))
    report = evaluate(made, {"fixed": scorer}, ks=[1, 2])
    ids = made.training_set.items.ids
    lists = report.per_request["overall"].lists
    assert [[ids[row] for row in ranked] for ranked in lists.ranked["fixed"]] == [["d", "c"], ["d", "a"], ["d", "c"]]
    value = {metric: one.value for metric, one in report.models["fixed"].items()}
    assert value["recall@1"] == pytest.approx((1 / 2 + 0 + 0) / 3)
    assert value["recall@2"] == pytest.approx((1 + 1 + 0) / 3)
    assert value["ndcg@2"] == pytest.approx((1 + 1 / np.log2(3) + 0) / 3)
    assert value["hit_rate@1"] == pytest.approx(1 / 3)
    assert value["coverage@2"] == pytest.approx(3 / 5)
    assert value["filled@2"] == 0


def test_slices_by_hand(made):
    """Histories: ann 2, bob 2, eve 0. Training events of the right answers: c 1, d 0, a 1, b 2."""
    report = evaluate(made, {"oracle": Oracle(made)}, ks=[2])
    assert report.slice_requests == {"overall": 3, "user:0": 1, "user:2-5": 2, "item:0": 1, "item:1-5": 3}
    assert report.slices["overall"]["oracle"]["recall@2"].value == 1
    assert report.slices["item:1-5"]["oracle"]["recall@2"].value == 1


def test_training_items_are_filtered_whatever_they_are_worth():
    train = events(("ann", "a", 0, "rating_1"), ("ann", "b", 1), ("bob", "c", 2))
    assert questions(plan(published_split(train, bare(("ann", "c")))))[0][3:5] == (["a", "b"], ["c"])


def test_a_user_without_a_positive_target_is_not_asked():
    test = events(("ann", "c", 0, "rating_1"), ("bob", "a", 0))
    assert [one[0] for one in questions(plan(published_split(TRAIN, test)))] == ["bob"]


def test_a_test_item_that_he_had_can_only_be_missed():
    made = plan(published_split(TRAIN, bare(("ann", "a"), ("ann", "c"))))
    assert questions(made)[0][4:] == (["c"], ["a", "c"])
    assert evaluate(made, {"oracle": Oracle(made)}, ks=[1]).models["oracle"]["recall@1"].value == 0.5


def test_histories_end_before_the_question(made):
    for case in made.cases:
        assert case.request.now == made.training_set.as_of
        assert (case.request.history.timestamp < case.request.now).all()


def test_times_of_the_test_file_are_not_read():
    train = events(("ann", "a", 100), ("bob", "b", 50))
    early, late = (plan(published_split(train, events(("ann", "b", when)))) for when in (0, 10_000))
    assert questions(early) == questions(late)
    assert early.training_set.as_of == micros(train["timestamp"].max()) + 1


def test_a_sample_is_a_part(made):
    split = published_split(TRAIN, TEST)
    assert len(split.plan(training_set(split), weigh, Sampling(2)).cases) == 2
    assert len(split.plan(training_set(split), weigh, Sampling(9)).cases) == 3


def test_an_item_without_a_row_is_an_error():
    split = published_split(TRAIN, TEST)
    with pytest.raises(InputError, match="has events but no row"):
        read_log(bare(("ann", "unheard of")), training_set(split).items, weigh)
