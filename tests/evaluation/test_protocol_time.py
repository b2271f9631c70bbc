"""`--split time:SHARE` in small worlds: who is asked when, with which past, among what, and what counts as right."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from worlds import at, events, plan, questions, training_set, weigh

from coldframe.dataset.training_set import NEVER, micros
from coldframe.domain import Item, User
from coldframe.errors import DataError, InputError
from coldframe.evaluation import Sampling, time_split

DAY = 24 * 60
TRAIN = [("ann", "a", 0), ("ann", "b", 1), ("bob", "a", 2), ("bob", "c", 3), ("cat", "b", 4), ("cat", "c", 5)]
TEST = [
    ("ann", "c", DAY),  # ann comes back: one visit of two items ...
    ("ann", "n", DAY + 20),  # ... one of which nobody has had before
    ("ann", "n", DAY + 60),  # 40 minutes later: another visit; n exists now
    ("dan", "a", DAY + 70),  # a stranger
]


@pytest.fixture
def made():
    return plan(time_split(events(*TRAIN, *TEST), fraction=0.6))


def test_the_questions_of_a_world_worked_out_by_hand(made):
    assert questions(made) == [
        ("ann", "overall", DAY, ["a", "b"], ["a", "b", "c"], ["c"]),
        ("ann", "overall", DAY + 60, ["a", "b", "c", "n"], ["a", "b", "c", "n"], ["n"]),
        ("dan", "overall", DAY + 70, [], ["a", "b", "c", "n"], ["a"]),
    ]
    assert made.facts == {
        "test_events": 4,
        "visits": 3,
        "visits_without_reachable_target": 0,
        "unreachable_share": 0.25,
        "repeats_are_candidates": 1.0,
    }


def test_only_what_came_before_the_cut_is_learned_from(made):
    assert made.training_set.interactions.timestamp.max() < made.training_set.as_of == micros(at(DAY))
    assert len(made.training_set.interactions) == len(TRAIN)


def test_counts_grow_with_the_test_period(made):
    counts = [case.request.item_counts.tolist() for case in made.cases]
    assert counts == [[2, 2, 2, 0], [2, 2, 3, 1], [2, 2, 3, 2]]
    assert [case.request.item_counts.tolist() for case in made.cases] == counts  # and start anew at each pass


def test_a_first_event_stands_in_for_a_sign_up_as_in_serving(made):
    assert [case.request.signed_up_at for case in made.cases] == [micros(at(0)), micros(at(0)), NEVER]


def test_what_is_known_of_a_user_is_known_from_the_sign_up_on():
    users = [
        User(user_id="ann", signed_up_at=at(-5), attributes={"city": "Ulm"}),
        User(user_id="dan", signed_up_at=at(2 * DAY), attributes={"city": "Bonn"}),
    ]
    cases = list(plan(time_split(events(*TRAIN, *TEST), users=users, fraction=0.6)).cases)
    assert cases[0].request.signed_up_at == micros(at(-5))
    assert len(cases[0].request.attributes) == 1
    assert cases[-1].user_id == "dan"
    assert (cases[-1].request.signed_up_at, len(cases[-1].request.attributes)) == (NEVER, 0)


@pytest.mark.parametrize(
    ("item", "candidate", "right"),
    [
        (Item(item_id="n", created_at=at(10)), True, ["c", "n"]),
        (Item(item_id="n", created_at=at(DAY)), True, ["c", "n"]),
        (Item(item_id="n", created_at=at(DAY + 1)), False, ["c"]),
        (Item(item_id="n", created_at=at(10), expires_at=at(DAY)), False, ["c"]),
        (Item(item_id="n"), False, ["c"]),
    ],
    ids=["created before", "created at the request", "created after", "expired", "seen only later"],
)
def test_an_item_is_a_candidate_from_its_creation_on_and_until_it_expires(item, candidate, right):
    first = questions(plan(time_split(events(*TRAIN, *TEST), items=[item], fraction=0.6)))[0]
    assert ("n" in first[4], first[5]) == (candidate, right)


def test_a_new_item_is_a_candidate_for_everybody_once_somebody_had_it(made):
    first_seen = micros(at(DAY + 20))
    new = made.training_set.items.row_of["n"]
    for case in made.cases:
        assert case.request.allowed[new] == (first_seen < case.request.now)


def test_at_the_very_moment_of_its_first_event_an_item_does_not_exist_yet():
    rows = [*TRAIN, ("ann", "n", DAY), ("bob", "n", DAY), ("cat", "a", DAY)]
    assert questions(plan(time_split(events(*rows), fraction=0.67))) == [
        ("cat", "overall", DAY, ["b", "c"], ["a", "b", "c"], ["a"])
    ]


def test_a_visit_without_a_positive_item_is_not_asked():
    rows = [*TRAIN, ("ann", "c", DAY, "rating_1"), ("bob", "b", DAY + 1, "click"), ("bob", "c", DAY + 2, "rating_1")]
    assert [(one[0], one[5]) for one in questions(plan(time_split(events(*rows), fraction=0.67)))] == [("bob", ["b"])]


def test_within_a_visit_each_moment_is_asked_about_what_follows():
    rows = [*TRAIN, ("ann", "c", DAY), ("ann", "a", DAY + 5), ("ann", "b", DAY + 5), ("ann", "a", DAY + 9)]
    found = questions(plan(time_split(events(*rows), fraction=0.6, horizon=2)))
    assert [(minute, past, right) for _, _, minute, past, _, right in found] == [
        (DAY, ["a", "b"], ["a", "b", "c"]),
        (DAY + 5, ["a", "b", "c"], ["a", "b"]),
        (DAY + 9, ["a", "b", "c", "a", "b"], ["a"]),
    ]


def test_young_asks_again_among_items_of_few_events():
    rows = [*TRAIN, *(("bob", "a", 6 + n / 10) for n in range(6)), ("ann", "c", DAY), ("ann", "a", DAY)]
    found = questions(plan(time_split(events(*rows), fraction=0.86, young=True)))
    assert [(view, allowed, right) for _, view, _, _, allowed, right in found] == [
        ("overall", ["a", "b", "c"], ["a", "c"]),
        ("young", ["b", "c"], ["c"]),
    ]


def test_discovery_asks_again_for_what_is_new_to_the_user():
    rows = [*TRAIN, ("ann", "a", DAY), ("ann", "c", DAY + 1), ("bob", "a", DAY + 2)]
    found = questions(plan(time_split(events(*rows), fraction=0.67, discovery=True)))
    assert found == [
        ("ann", "overall", DAY, ["a", "b"], ["a", "b", "c"], ["a", "c"]),
        ("ann", "discovery", DAY, ["a", "b"], ["c"], ["c"]),
        ("bob", "overall", DAY + 2, ["a", "c"], ["a", "b", "c"], ["a"]),
    ]
    assert len(plan(time_split(events(*rows), fraction=0.67, discovery=True)).cases) == 3


def test_a_session_stands_in_for_a_visitor_without_an_id():
    frame = events(*TRAIN, *TEST).with_columns(
        session_id=pl.when(pl.col("user_id") == "dan").then(pl.lit("s1")),
        user_id=pl.when(pl.col("user_id") != "dan").then("user_id"),
    )
    assert questions(plan(time_split(frame, fraction=0.6)))[-1][0] == "s1"


def test_a_sample_of_the_questions_is_a_part_of_all_of_them(made):
    split = time_split(events(*TRAIN, *TEST), fraction=0.6)
    some = split.plan(training_set(split), weigh, Sampling(2, seed=3))
    assert len(some.cases) == 2
    assert all(question in questions(made) for question in questions(some))


def test_events_worth_nothing_are_no_history_but_show_that_an_item_exists(made):
    rows = [*TRAIN, ("ann", "z", 6, "nothing"), *TEST]
    split = time_split(events(*rows), fraction=7 / 11)
    mute = split.plan(training_set(split), lambda frame: weigh(frame) * (frame["event_type"] != "nothing").to_numpy())
    assert questions(mute)[0] == ("ann", "overall", DAY, ["a", "b"], ["a", "b", "c", "z"], ["c"])


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, 2, float("nan")])
def test_a_share_outside_0_and_1_is_refused(fraction):
    with pytest.raises(InputError, match="cannot be cut"):
        time_split(events(*TRAIN), fraction=fraction)


def test_events_that_time_cannot_part_are_refused():
    with pytest.raises(DataError, match="same time"):
        time_split(events(("ann", "a", 0), ("bob", "b", 0)), fraction=0.5)
    with pytest.raises(DataError, match="no event"):
        time_split(events(*TRAIN).clear(), fraction=0.5)


def test_a_thousand_visits_of_random_people_agree_with_a_plain_reading_of_the_rules():
    random = np.random.default_rng(5)
    rows = sorted(
        ((f"u{random.integers(8)}", f"i{random.integers(30):02d}", int(random.integers(20_000))) for _ in range(600)),
        key=lambda row: row[2],
    )
    found = questions(plan(time_split(events(*rows), fraction=0.5)))
    cut = sorted(row[2] for row in rows)[300]
    for user, _, now, history, candidates, right in found:
        mine = sorted((row for row in rows if row[0] == user), key=lambda row: row[2])
        assert now >= cut
        assert sorted(history) == sorted(item for _, item, when in mine if when < now)
        assert set(candidates) == {item for _, item, when in rows if when < now}
        stay, last = set(), now
        for _, item, when in (row for row in mine if row[2] >= now):
            if when - last > 30:
                break
            stay.add(item)
            last = when
        assert set(right) == stay & set(candidates)
        before = [when for _, _, when in mine if cut <= when < now]
        assert not before or now - max(before) > 30


def test_where_nothing_is_had_twice_what_the_user_had_is_no_candidate():
    log = events(("u", "a", 0), ("v", "b", 1), ("w", "c", 2), ("u", "a", 200), ("u", "b", 201), ("v", "b", 300))
    asked = questions(plan(time_split(log, fraction=0.4, repeat="auto")))
    assert [(user, candidates, right) for user, _, _, _, candidates, right in asked] == [("u", ["b", "c"], ["b"])]
    assert len(questions(plan(time_split(log, fraction=0.4, repeat="allow")))) == 2


def spread():
    """Six users who come every day for ten days."""
    return events(*((f"u{n % 6}", f"i{(n * 7) % 11}", day * DAY + n) for day in range(10) for n in range(6)))


def test_training_again_asks_the_same_questions_each_with_all_before_its_part_to_learn_from():
    whole = time_split(spread(), fraction=0.5)
    split = time_split(spread(), fraction=0.5, refit_days=2)
    parts = [split, *split.later]
    assert [part.as_of for part in parts] == [split.as_of + timedelta(days=2 * k) for k in range(3)]
    assert sorted(question for part in parts for question in questions(plan(part))) == sorted(questions(plan(whole)))
    for part in parts:
        made = plan(part)
        assert part.train["timestamp"].max() < part.as_of <= at(min(case.request.now for case in made.cases) / 60e6)
        assert made.training_set.items.ids == plan(whole).training_set.items.ids


def test_a_sample_of_questions_is_the_same_however_often_is_trained():
    sampling = Sampling(max_requests=9, seed=4)
    whole = time_split(spread(), fraction=0.5).plan(training_set(time_split(spread(), fraction=0.5)), weigh, sampling)
    split = time_split(spread(), fraction=0.5, refit_days=1)
    asked = [one.plan(training_set(one), weigh, sampling) for one in (split, *split.later)]
    assert sum(len(made.cases) for made in asked) == 9
    moments = [case.request.now for made in asked for case in made.cases]
    assert moments == [case.request.now for case in whole.cases]


def test_days_of_nothing_are_not_trained_for():
    rows = [("ann", "a", 0), ("bob", "b", 1), ("ann", "b", 2), ("bob", "a", 2 + 9 * DAY)]
    split = time_split(events(*rows), fraction=0.5, refit_days=3)
    assert [part.as_of for part in (split, *split.later)] == [split.as_of, split.as_of + timedelta(days=9)]


def test_training_every_zero_days_is_refused():
    with pytest.raises(InputError, match="every 0 days"):
        time_split(events(*TRAIN, *TEST), fraction=0.6, refit_days=0)
