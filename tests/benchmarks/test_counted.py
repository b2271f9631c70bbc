"""Questions after a user's first n events: whose, when, with what known and what right."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from counted import counted

from coldframe.evaluation import complete_events, time_split
from coldframe.pipeline import trainer
from coldframe.settings import Settings

ROWS = [
    *(("ann", item, day) for day, item in enumerate("abcdef")),
    *(("bob", item, 6 + day) for day, item in enumerate("abcd")),
]


def asked(refit_days):
    start = datetime(2020, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {"user_id": user, "item_id": item, "timestamp": start + timedelta(days=day)} for user, item, day in ROWS
    )
    events = complete_events(frame)
    split = counted(time_split(events, fraction=0.5, refit_days=refit_days), events, (0, 1, 3, 5), horizon=2)
    ours, found = trainer(Settings()), []
    for part in (split, *split.later):
        made = ours.build(part.train, part.items, part.users, Settings(), as_of=part.as_of)
        for case in part.plan(made, ours.weigh).cases:
            ids = made.items.ids
            known = [ids[row] for row in case.request.history.item]
            found.append((case.user_id, "".join(known), "".join(ids[row] for row in case.relevant)))
            assert case.request.history.timestamp.max(initial=0) < case.request.now
            assert not set(known) & {ids[row] for row in case.request.allowed.nonzero()[0]}
            assert case.request.item_counts.sum() == (frame["timestamp"].dt.epoch("us") < case.request.now).sum()
    return found


def test_each_user_is_asked_about_after_so_many_events_if_what_follows_is_in_the_test_period_and_exists():
    assert asked(None) == [("bob", "", "ab"), ("bob", "a", "bc"), ("bob", "abc", "d")]  # nobody had f before ann


def test_training_again_changes_no_question():
    assert asked(2) == asked(None)
