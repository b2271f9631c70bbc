"""Offsets and patience: what is due, what waits, what is gone, and when a broker has been away for too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.errors import InputError
from coldframe.feed.offsets import Offsets
from coldframe.feed.watch import Watch
from coldframe.settings import KafkaSettings


def test_a_commit_that_was_confirmed_is_due_no_more_and_a_later_one_still_is():
    offsets = Offsets()
    offsets.assign({0: 0, 1: 0})
    offsets.store(0, 9)
    offsets.store(1, 4)
    assert offsets.due == {0: 10, 1: 5}
    offsets.store(0, 12)
    offsets.confirm(0, 10)
    offsets.confirm(1, 5)
    assert (offsets.due, offsets.committed) == ({0: 13}, {0: 10, 1: 5})


def test_what_was_given_up_is_neither_due_nor_waited_for():
    offsets = Offsets()
    offsets.assign({0: 0, 1: 3})
    offsets.store(0, 9)
    offsets.revoke([0, 7])
    assert (offsets.due, offsets.lag({0: 99, 1: 5})) == ({}, 2)


def test_the_lag_of_a_partition_without_any_known_offset_is_not_made_up():
    offsets = Offsets()
    offsets.assign({0: None})
    assert offsets.lag({0: 100}) is None
    offsets.deliver(0, 40, 0)
    assert offsets.lag({0: 100}) == 59


@given(st.lists(st.sampled_from(["kept", "mark", "removed"]), max_size=40), st.integers(0, 1_000))
def test_removed_messages_are_counted_and_marks_of_transactions_are_not(log, first):
    """Removed offsets can only be the oldest; a message behind them shows how many they were."""
    removed = log.count("removed")
    rest = [kind for kind in log if kind != "removed"]
    offsets, low = Offsets(), first + removed
    offsets.assign({0: first})
    for place, kind in enumerate(rest):
        if kind == "kept":
            offsets.deliver(0, low + place, low)
    assert offsets.gone == (removed if "kept" in rest else 0)


SETTINGS = KafkaSettings(brokers="localhost:9092", topic="clicks", patience_seconds=10)


def test_a_broker_that_is_away_is_said_once_and_so_is_its_return():
    told = []
    watch = Watch(SETTINGS, told.append, now=0.0)
    assert watch.due(0.0)
    watch.suspect("Connection refused")
    watch.suspect("")
    watch.silent(0.0)
    watch.silent(5.0)
    watch.answered(9.0)
    watch.answered(10.0)
    assert told == [
        "No broker answers at localhost:9092 (Connection refused); the feed tries for 10 seconds.",
        "A broker of localhost:9092 answers again.",
    ]


def test_patience_ends_and_counts_from_the_last_answer():
    watch = Watch(SETTINGS, [].append, now=0.0)
    watch.answered(100.0)
    watch.silent(110.0)
    with pytest.raises(InputError, match=r"No broker has answered at localhost:9092 for 10 seconds\."):
        watch.silent(110.1)


def test_a_topic_is_missing_only_when_it_is_missing_again_and_again():
    watch = Watch(SETTINGS, [].append, now=0.0)
    for now in (0.0, 1.0):
        watch.missing(now)
    watch.answered(2.0)
    for now in (3.0, 4.0):
        watch.missing(now)
    with pytest.raises(InputError, match="have no topic 'clicks'"):
        watch.missing(5.0)


def test_brokers_are_asked_now_and_then_and_at_once_when_something_is_wrong():
    watch = Watch(SETTINGS, [].append, now=0.0)
    watch.answered(0.0)
    assert not watch.due(4.9)
    assert watch.due(5.0)
    watch.answered(5.0)
    watch.suspect("Connection refused")
    assert watch.due(5.1)


def test_what_a_broker_says_is_told_once_until_messages_come_again():
    told = []
    watch = Watch(SETTINGS, told.append, now=0.0)
    for _ in range(3):
        watch.trouble("Group is full")
        watch.answered(1.0)
    watch.trouble("Group is odd")
    watch.delivered(2.0)
    watch.trouble("Group is odd")
    assert told == ["A broker says: Group is full.", "A broker says: Group is odd.", "A broker says: Group is odd."]
