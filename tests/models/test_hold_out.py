"""The later slice: nothing in a question, nor in what the experts see, is from its moment or later."""

from dataclasses import replace

import numpy as np
import pytest
from model_worlds import SETTINGS, START, at, item, log, training_set, user

from coldframe.dataset.build import build_training_set
from coldframe.dataset.training_set import DAY_US, NEVER, micros
from coldframe.models.later import hold_out
from coldframe.scoring.request import History
from coldframe.testing.shop import shop

MINUTE = 1 / (24 * 60)


def later_of(known, *, share=0.3, repeats=True, most=1_000, seed=0):
    return hold_out(known, share=share, repeats=repeats, max_questions=most, seed=seed)


@pytest.fixture(scope="module")
def busy():
    return shop(n_users=80, n_items=50, days=40).training_set()


# no peeking


def peeks(known, later):
    """Everything in a later slice that is from a question's moment or later."""
    return [*early_peeks(known, later), *(leak for one in later.questions for leak in question_peeks(known, one))]


def early_peeks(known, later):
    first = min(one.request.now for one in later.questions)
    early = later.early
    pairs = {(user, thing) for user, thing in zip(early.interactions.user, early.interactions.item, strict=True)}
    seen = {(user, thing) for user in range(early.n_users) for thing in early.seen.row(user)}
    if (early.interactions.timestamp >= first).any():
        yield "early event"
    if early.as_of > first:
        yield "early end"
    if not seen <= pairs:
        yield "early seen"


def question_peeks(known, question):
    asked, events = question.request, known.interactions
    before = events.timestamp < asked.now
    if (asked.history.timestamp >= asked.now).any():
        yield "history"
    if asked.signed_up_at > asked.now:
        yield "sign-up"
    if not np.array_equal(asked.item_counts, np.bincount(events.item[before], minlength=known.n_items)):
        yield "counts"
    had_event = np.isin(np.arange(known.n_items), events.item[before])
    created = known.item_features.created_at
    if (asked.allowed & ~had_event & ~((created != NEVER) & (created <= asked.now))).any():
        yield "allowed"


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_nothing_of_a_question_is_from_its_moment_or_later(busy, share, repeats):
    later = later_of(busy, share=share, repeats=repeats)
    assert len(later.questions) > 20
    assert peeks(busy, later) == []


def late_history(one):
    past = one.request.history
    return replace(one.request, history=replace(past, timestamp=np.append(past.timestamp[:-1], one.request.now)))


def tampered(later, **changes):
    """A slice whose last question with a past is asked differently."""
    place = max(n for n, one in enumerate(later.questions) if len(one.request.history))
    one = later.questions[place]
    request = replace(one.request, **{name: change(one) for name, change in changes.items()})
    questions = [*later.questions[:place], replace(one, request=request), *later.questions[place + 1 :]]
    return replace(later, questions=questions)


@pytest.mark.parametrize(
    ("leak", "changes"),
    [
        ("history", {"history": lambda one: late_history(one).history}),
        ("sign-up", {"signed_up_at": lambda one: one.request.now + 1}),
        ("counts", {"item_counts": lambda one: one.request.item_counts + (np.arange(50) == 3)}),
        ("allowed", {"allowed": lambda one: np.ones(50, np.bool_), "now": lambda one: micros(START) + DAY_US}),
    ],
)
def test_a_question_that_peeks_would_be_noticed(busy, leak, changes):
    assert leak in peeks(busy, tampered(later_of(busy), **changes))


@pytest.mark.parametrize(
    ("leak", "changes"),
    [
        ("early event", lambda known: {"interactions": known.interactions}),
        ("early end", lambda known: {"as_of": known.as_of}),
        ("early seen", lambda known: {"seen": known.seen}),
    ],
)
def test_experts_that_peek_would_be_noticed(busy, leak, changes):
    later = later_of(busy)
    assert leak in peeks(busy, replace(later, early=replace(later.early, **changes(busy))))


def test_the_early_part_and_what_is_asked_about_are_the_whole(busy):
    later = later_of(busy)
    cut = later.early.as_of
    assert len(later.early.interactions) == (busy.interactions.timestamp < cut).sum()
    assert len(later.early.interactions) / len(busy.interactions) == pytest.approx(0.7, abs=0.01)
    assert min(one.request.now for one in later.questions) >= cut


def test_a_past_reaches_back_beyond_the_window_as_it_does_when_serving():
    rows = [
        ("ann", "a", 0),
        ("bob", "b", 1),
        *((f"old{n}", "ab"[n % 2], 10 + n / 10) for n in range(20)),
        ("ann", "b", 13),
    ]
    known = build_training_set(log(rows), [], [], SETTINGS, window_days=5)
    asked = later_of(known).questions[-1]
    assert [known.items.ids[row] for row in asked.request.history.item] == ["a"]
    assert asked.request.history.timestamp.tolist() == [micros(at(0))] == [asked.request.signed_up_at]
    assert len(known.interactions) == 21
    assert known.interactions.timestamp.min() > known.earlier.timestamp.max()


def test_some_users_and_items_are_really_new(busy):
    later = later_of(busy)
    fitted = np.bincount(later.early.interactions.item, minlength=busy.n_items)
    assert any(len(one.request.history) == 0 for one in later.questions)
    assert any((fitted[one.relevant] == 0).any() for one in later.questions)


def test_questions_come_in_order_of_time_and_no_more_than_asked_for(busy):
    everything, few = later_of(busy).questions, later_of(busy, most=10).questions
    assert [one.request.now for one in everything] == sorted(one.request.now for one in everything)
    assert len(few) == 10
    moments = {one.request.now for one in everything}
    assert {one.request.now for one in few} <= moments
    assert few[-1].request.now == everything[-1].request.now


# what a question is


def early_rows(n=20):
    return [(f"old{n}", name, n / 100) for n in range(n) for name in "abc"]


def questions_of(*rows, items=(), users=(), share=None, **more):
    """The questions about rows that follow sixty early ones, in words: (minute, history, right, allowed)."""
    known = training_set([*early_rows(), *rows], items, users)
    later = later_of(known, share=share or len(rows) / (len(rows) + 60), **more)
    names = known.items.ids
    return [
        (
            round((one.request.now - micros(at(10))) / 60e6),
            [names[row] for row in one.request.history.item],
            [names[row] for row in one.relevant],
            "".join(names[row] for row in np.flatnonzero(one.request.allowed)),
        )
        for one in later.questions
    ]


def test_a_visit_is_asked_at_its_start_and_within_it_and_a_pause_begins_another():
    rows = [("ann", name, 10 + minute * MINUTE) for name, minute in (("a", 0), ("b", 20), ("c", 45), ("a", 80))]
    assert questions_of(*rows) == [
        (0, [], ["a", "b", "c"], "abc"),
        (20, ["a"], ["b", "c"], "abc"),
        (45, ["a", "b"], ["c"], "abc"),
        (80, ["a", "b", "c"], ["a"], "abc"),
    ]


def test_a_basket_of_one_moment_is_one_question():
    assert questions_of(("ann", "a", 10), ("ann", "b", 10), ("bob", "c", 11)) == [
        (0, [], ["a", "b"], "abc"),
        (1440, [], ["c"], "abc"),
    ]


def test_a_question_is_right_about_the_next_ten_events_and_no_more():
    names = [f"i{place:02}" for place in range(14)]
    catalogue = [replace_created(item(name, "x"), 5) for name in names]
    asked = questions_of(*(("ann", name, 10 + n * MINUTE) for n, name in enumerate(names)), items=catalogue)
    assert [len(past) for _, past, _, _ in asked] == [0, 1, 2, 3, 5, 8, 12]
    assert [len(right) for _, _, right, _ in asked] == [10, 10, 10, 10, 9, 6, 2]


def test_only_what_was_liked_is_right_but_all_of_the_past_is_history():
    rows = [("ann", "a", 10, "rating_1"), ("ann", "b", 10 + MINUTE), ("ann", "c", 11, "rating_1"), ("ann", "a", 12)]
    assert questions_of(*rows) == [
        (0, [], ["b"], "abc"),
        (1, ["a"], ["b"], "abc"),
        (2 * 1440, ["a", "b", "c"], ["a"], "abc"),
    ]


def test_without_repeats_what_was_had_is_neither_shown_nor_right():
    rows = [("ann", "a", 10), ("ann", "a", 11), ("ann", "b", 11 + MINUTE), ("ann", "a", 12)]
    assert questions_of(*rows, repeats=False) == [
        (0, [], ["a"], "abc"),
        (1440, ["a"], ["b"], "bc"),
        (1441, ["a", "a"], ["b"], "bc"),
    ]


def test_an_item_can_be_shown_from_its_catalogue_date_or_just_after_its_first_event():
    catalogue = [replace_created(item("d", "x"), 10.5), item("e", "x")]
    rows = [("ann", "a", 10), ("bob", "b", 11), ("bob", "f", 12), ("cyd", "f", 13)]
    shown = [(right, allowed) for _, _, right, allowed in questions_of(*rows, items=catalogue)]
    assert shown == [(["a"], "abc"), (["b"], "abcd"), (["f"], "abcdf")]


def replace_created(one, day):
    from msgspec.structs import replace as with_fields

    return with_fields(one, created_at=at(day))


def test_who_asks_is_told_as_far_as_it_was_known():
    people = [user("ann", country="NL"), user("bob", country="NL")]
    from msgspec.structs import replace as with_fields

    people = [with_fields(people[0], signed_up_at=at(9)), with_fields(people[1], signed_up_at=at(12))]
    known = training_set([*early_rows(), ("ann", "a", 10), ("bob", "b", 11)], users=people)
    asked = [one.request for one in later_of(known, share=2 / 62).questions]
    assert [one.signed_up_at for one in asked] == [micros(at(9)), NEVER]
    assert [one.attributes.tolist() for one in asked] == [[0], []]


# without times


def untimed(n_users=12):
    return training_set([(f"u{n:02d}", name, 1) for n in range(n_users) for name in "abcdefgh"[: 1 + n % 8]])


def test_without_times_a_share_of_each_users_items_is_held_out():
    known = untimed()
    later = later_of(known, share=0.25)
    had = np.bincount(known.interactions.user, minlength=12)
    kept = np.bincount(later.early.interactions.user, minlength=12)
    assert (had - kept).tolist() == [0 if n < 2 else max(1, round(n * 0.25)) for n in had]
    assert len(later.questions) == (had >= 2).sum()


def test_without_times_nothing_that_is_asked_is_seen():
    known = untimed()
    later = later_of(known)
    pairs = set(zip(later.early.interactions.user.tolist(), later.early.interactions.item.tolist(), strict=True))
    for one, user_row in zip(later.questions, [n for n in range(12) if n % 8], strict=True):
        assert isinstance(one.request.history, History)
        assert not set(one.request.history.item) & set(one.relevant)
        assert one.request.allowed[one.relevant].all()
        assert not any((user_row, right) in pairs for right in one.relevant.tolist())
        assert not set(one.relevant.tolist()) & set(later.early.seen.row(user_row).tolist())


@pytest.mark.parametrize(("n_unseen", "n_hidden"), [(2, 2), (10, 2), (1, 1)])
def test_without_times_items_are_hidden_as_the_catalogue_holds_unseen_ones(n_unseen, n_hidden):
    """As large a share, and at most a fifth."""
    names = "abcdefghij"
    catalogue = [item(name, "shelf") for name in [*names, *(f"new{n}" for n in range(n_unseen))]]
    known = training_set([(f"u{n:02d}", name, 1) for n in range(40) for name in names], catalogue)
    later = later_of(known)
    unseen = np.setdiff1d(known.interactions.item, later.early.interactions.item)
    assert len(unseen) == n_hidden
    assert np.isin(unseen, np.concatenate([one.relevant for one in later.questions])).all()


def test_without_times_what_nobody_took_is_no_candidate():
    """It could only ever be a wrong answer there, and where it is served it may be the right one."""
    known = training_set([(f"u{n:02d}", name, 1) for n in range(20) for name in "abcd"], [item("new", "shelf")])
    new = known.items.rows(["new"])[0]
    questions = later_of(known).questions
    assert questions
    assert not any(one.request.allowed[new] for one in questions)


def test_without_times_some_questions_know_only_the_beginning_of_a_past():
    known = training_set([(f"u{n:03d}", f"i{place:02d}", 1) for n in range(200) for place in range(20)])
    pasts = np.array([len(one.request.history) for one in later_of(known, share=0.25).questions])
    assert 0.6 < (pasts == 15).mean() < 0.9
    assert {1, 2, 4}.issubset(pasts.tolist())
    assert pasts.min() == 1


def test_without_times_the_seed_decides():
    first, again, other = (later_of(untimed(), seed=seed) for seed in (1, 1, 2))
    assert [one.relevant.tolist() for one in first.questions] == [one.relevant.tolist() for one in again.questions]
    assert [one.relevant.tolist() for one in first.questions] != [one.relevant.tolist() for one in other.questions]


@pytest.mark.parametrize("n_late", [1, 5])
def test_experts_see_something_even_if_nearly_all_happened_at_once(n_late):
    rows = [(f"u{n}", name, 1) for n in range(30) for name in "abc"]
    known = training_set([*rows, *((f"late{n}", "a", 2 + n) for n in range(n_late))])
    later = later_of(known, share=0.15)
    assert len(later.early.interactions) > 0
    assert later.questions
    assert peeks(known, later) == []
