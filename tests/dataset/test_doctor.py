"""The doctor, in worlds built so that its answer is known beforehand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.dataset.doctor import Diagnosis, diagnose
from coldframe.dataset.doctor.catalogue_problems import CATALOGUE_CHECKS
from coldframe.dataset.doctor.diagnose import HISTORY_BUCKETS, new_user_share, repeat_share
from coldframe.dataset.doctor.event_problems import EVENT_CHECKS
from coldframe.events.schema import EVENT_COLUMNS, TIME
from coldframe.settings import Settings, with_value

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
NOW = START + timedelta(days=400)
Row = dict[str, Any]


def event(user: str, item: str, day: float = 0, kind: str = "purchase", **more: Any) -> Row:
    return {"user_id": user, "item_id": item, "event_type": kind, "timestamp": START + timedelta(days=day), **more}


def events_frame(rows: list[Row]) -> pl.DataFrame:
    full = [{"event_id": f"e{i}", **row} for i, row in enumerate(rows)]
    return pl.DataFrame(full, schema=EVENT_COLUMNS)


ITEM_SCHEMA = {
    "item_id": pl.String,
    "title": pl.String,
    "text": pl.String,
    "categories": pl.List(pl.String),
    "tags": pl.List(pl.String),
    "numeric": pl.Struct({"price": pl.Float64, "tax": pl.Float64}),
    "created_at": TIME,
    "available": pl.Boolean,
}


def items_frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame([{"available": True, **row} for row in rows], schema=ITEM_SCHEMA)


def users_frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"user_id": pl.String, "signed_up_at": TIME})


def healthy_events(n_users: int = 150, n_items: int = 60) -> list[Row]:
    """Every user meets six items on six days, in two kinds of event; no item is everybody's."""
    kinds = ("view", "purchase")
    return [
        event(f"u{u}", f"i{(7 * u + 11 * k) % n_items}", day=k * 3 + u / 1000, kind=kinds[(u + k) % 2])
        for u in range(n_users)
        for k in range(6)
    ]


def healthy_items(n_items: int = 60) -> list[Row]:
    return [
        {"item_id": f"i{i}", "title": f"Item {i}", "categories": [f"c{i % 5}"], "numeric": {"price": i, "tax": i % 2}}
        for i in range(n_items)
    ]


def examine(
    events: list[Row], items: list[Row] | None = None, users: list[Row] | None = None, **settings: Any
) -> Diagnosis:
    tree = Settings()
    for name, value in settings.items():
        tree = with_value(tree, name.replace("__", "."), value)
    return diagnose(events_frame(events), items_frame(items or []), users_frame(users or []), tree, now=NOW)


def problem_names(diagnosis: Diagnosis) -> set[str]:
    return {problem.name for problem in diagnosis.problems}


def test_a_healthy_world_has_no_problem_and_a_hybrid_verdict() -> None:
    diagnosis = examine(healthy_events(), healthy_items())
    assert diagnosis.problems == []
    assert diagnosis.verdict.best == "hybrid"


def test_volume_of_a_world_counted_by_hand() -> None:
    rows = [event("a", "x"), event("a", "x", 1), event("a", "y", 2), event("b", "x", 3)]
    diagnosis = examine(rows, [{"item_id": "x", "title": "X"}, {"item_id": "z"}], [{"user_id": "a"}, {"user_id": "c"}])
    volume = diagnosis.volume
    assert (volume.events, volume.users, volume.items, volume.pairs) == (4, 2, 3, 3)
    assert volume.density_percent == pytest.approx(100 * 3 / (2 * 3))
    assert (volume.catalogue_items, volume.items_without_events, volume.items_without_content) == (2, 1, 1)
    assert diagnosis.users_by_history == {"0": 1, "1": 1, "2–5": 1, "6–20": 0, "> 20": 0}
    assert diagnosis.items_by_history == {"0": 1, "1": 1, "2–5": 1, "6–20": 0, "> 20": 0}


def test_the_window_ends_at_the_newest_event() -> None:
    rows = [event("a", "x", day) for day in (0, 50, 99, 100)]
    diagnosis = examine(rows, window__days=50)
    window = diagnosis.window
    assert window.events == 2  # day 50 is exactly 50 days old: outside
    assert window.event_share == 0.5
    assert (window.first_event, window.last_event) == (START, START + timedelta(days=100))


def test_a_visitor_without_user_id_counts_by_session() -> None:
    rows = [event("a", "x"), {**event("", "x", 1), "user_id": None, "session_id": "s1"}]
    assert examine(rows).volume.users == 2


def test_trainer_sees_signed_weights_and_the_ratio() -> None:
    kinds = ["purchase", "view", "rating_1", "rating_5", "mystery"]
    rows = [event("a", f"i{i}", i, kind) for i, kind in enumerate(kinds)]
    trainer = examine(rows).trainer
    assert (trainer.positives, trainer.disliked, trainer.ignored, trainer.ratio) == (4, 1, 0, 3)
    assert trainer.sampled_negatives == 12
    strict = examine(rows, events__unknown="reject").trainer
    assert (strict.positives, strict.ignored) == (3, 1)
    assert examine(rows, negatives__large_catalogue=5).trainer.ratio == 10


def test_event_types_with_their_weights() -> None:
    rows = [event("a", "x"), event("a", "y", 1, "view"), event("b", "y", 1, "view"), event("b", "z", 2, "mystery")]
    types = examine(rows).event_types
    assert [(t.name, t.events, t.weight, t.known) for t in types] == [
        ("view", 2, 0.1, True),
        ("mystery", 1, 0.1, False),
        ("purchase", 1, 1.0, True),
    ]
    assert sum(t.share for t in types) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("days", "share", "policy"),
    [
        ([0, 0.01, 0.02, 0.03], 0.0, "exclude"),  # one visit: a funnel, no repeat
        ([0, 7, 14, 21], 0.75, "allow"),
    ],
)
def test_repeats_are_counted_across_days(days: list[float], share: float, policy: str) -> None:
    repeats = examine([event("a", "x", day) for day in days]).repeats
    assert (repeats.share, repeats.policy) == (share, policy)


def test_an_explicit_repeat_policy_wins() -> None:
    repeats = examine([event("a", "x", day) for day in (0, 9)], recommend__repeat="exclude").repeats
    assert repeats.policy == "exclude"
    assert "recommend.repeat" in repeats.reason


def test_new_users_per_week_by_hand() -> None:
    # week 1: a, b (left out) · week 2: a, c (half new) · week 3: d (all new) -> median of 0.5 and 1
    rows = [event("a", "x"), event("b", "x"), event("a", "x", 7), event("c", "x", 7), event("d", "x", 14)]
    seen = events_frame(rows).with_columns(actor=pl.col("user_id"))
    assert new_user_share(seen) == 0.75
    assert new_user_share(seen[:2]) is None


@pytest.mark.parametrize(
    ("n_users", "best"), [(0, "none"), (99, "popular"), (100, "hybrid")], ids=["nothing", "too thin", "just enough"]
)
def test_the_verdict_turns_where_it_says(n_users: int, best: str) -> None:
    diagnosis = examine(healthy_events(n_users), healthy_items())
    assert diagnosis.verdict.best == best
    if best == "popular":
        assert "Popularity is your best model today" in diagnosis.verdict.reason


def test_without_content_the_verdict_is_collaborative() -> None:
    assert examine(healthy_events()).verdict.best == "collaborative"


def test_few_items_are_too_few_to_tell_tastes_apart() -> None:
    rows = [event(f"u{u}", f"i{(u + k) % 12}", k) for u in range(200) for k in range(6)]
    assert examine(rows, healthy_items(12)).verdict.best == "popular"


def test_half_width_is_the_normal_interval() -> None:
    half_width = examine(healthy_events(150), healthy_items()).verdict.half_width
    assert half_width == pytest.approx(100 * 1.96 * (0.1 * 0.9 / 150) ** 0.5)


def changed(change: Callable[[Row], Row], rows: list[Row]) -> list[Row]:
    return [{**row, **change(row)} for row in rows]


HEALTHY, CATALOGUE = healthy_events(), healthy_items()
SICK: dict[str, tuple[list[Row], list[Row], list[Row]]] = {
    "no_events": ([], CATALOGUE, []),
    "equal_timestamps": (changed(lambda _: {"timestamp": START}, HEALTHY), CATALOGUE, []),
    "future_timestamps": ([*HEALTHY, event("u1", "i1", 401)], CATALOGUE, []),
    "no_time_of_day": (
        changed(
            lambda row: {"timestamp": row["timestamp"].replace(hour=0, minute=0, second=0, microsecond=0)}, HEALTHY
        ),
        CATALOGUE,
        [],
    ),
    "one_event_type": (changed(lambda _: {"event_type": "purchase"}, HEALTHY), CATALOGUE, []),
    "unknown_event_types": ([*HEALTHY, event("u1", "i1", 1, "mystery")], CATALOGUE, []),
    "nothing_positive": (changed(lambda _: {"event_type": "rating_1"}, HEALTHY), CATALOGUE, []),
    "no_conversions": (changed(lambda _: {"event_type": "view"}, HEALTHY), CATALOGUE, []),
    "mostly_outside_window": ([*HEALTHY, event("u1", "i1", 300)], CATALOGUE, []),
    "heavy_users": ([*HEALTHY, *(event("bot", f"i{i % 60}", i / 100) for i in range(200))], CATALOGUE, []),
    "item_for_everybody": ([*HEALTHY, *(event(f"u{u}", "i0", 4) for u in range(150))], CATALOGUE, []),
    "one_visit_users": ([*HEALTHY, *(event(f"v{v}", f"i{v % 60}", 4 + v / 9999) for v in range(900))], CATALOGUE, []),
    "exact_copies": (HEALTHY + HEALTHY[:50], CATALOGUE, []),
    "no_catalogue": (HEALTHY, [], []),
    "events_without_item": (HEALTHY, CATALOGUE[:-1], []),
    "nothing_available": (HEALTHY, changed(lambda _: {"available": False}, CATALOGUE), []),
    "one_category": (HEALTHY, changed(lambda _: {"categories": ["gifts"]}, CATALOGUE), []),
    "constant_numerics": (HEALTHY, changed(lambda row: {"numeric": {"price": 3.0, "tax": 0.2}}, CATALOGUE), []),
    "duplicate_titles": (HEALTHY, changed(lambda row: {"title": row["title"][:6]}, CATALOGUE), []),
    "items_start_after_first_event": (HEALTHY, changed(lambda _: {"created_at": NOW}, CATALOGUE), []),
    "users_start_after_first_event": (HEALTHY, CATALOGUE, [{"user_id": "u1", "signed_up_at": NOW}]),
}


@pytest.mark.parametrize("name", SICK)
def test_each_problem_is_named_with_a_remedy(name: str) -> None:
    diagnosis = examine(*SICK[name])
    (problem,) = [problem for problem in diagnosis.problems if problem.name == name]
    assert problem.message.endswith(".")
    assert problem.remedy.endswith(".")


def test_every_check_has_a_world_that_it_fails() -> None:
    checks = {check.__name__ for check in EVENT_CHECKS + CATALOGUE_CHECKS} - {"known_too_late"}
    assert checks < set(SICK)


def test_the_worst_problem_comes_first() -> None:
    severities = [problem.severity for problem in examine(*SICK["equal_timestamps"]).problems]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert severities[0] == "error"


rows_strategy = st.lists(
    st.builds(
        event,
        st.sampled_from("abcdef"),
        st.sampled_from("xyz"),
        st.floats(0, 300),
        st.sampled_from(["view", "purchase", "rating_1", "odd"]),
    ),
    max_size=40,
)


@given(rows_strategy)
def test_counts_add_up_in_any_world(rows: list[Row]) -> None:
    diagnosis = examine(rows, [{"item_id": "x", "title": "X"}], [{"user_id": "a"}])
    trainer, window = diagnosis.trainer, diagnosis.window
    assert trainer.positives + trainer.disliked + trainer.ignored == window.events <= len(rows)
    assert sum(t.events for t in diagnosis.event_types) == len(rows)
    assert tuple(diagnosis.users_by_history) == HISTORY_BUCKETS
    assert sum(diagnosis.users_by_history.values()) - diagnosis.users_by_history["0"] == diagnosis.volume.users
    assert 0 <= diagnosis.volume.density_percent <= 100
    assert 0 <= diagnosis.repeats.share < 1


@given(rows_strategy, st.permutations(list("abcdef")))
def test_renaming_users_changes_no_figure(rows: list[Row], names: list[str]) -> None:
    renamed = changed(lambda row: {"user_id": names["abcdef".index(row["user_id"])]}, rows)
    first, second = examine(rows), examine(renamed)
    assert first.volume == second.volume
    assert first.repeats == second.repeats
    assert first.verdict == second.verdict


def test_repeat_share_of_nothing_is_zero() -> None:
    assert repeat_share(events_frame([]).with_columns(actor=pl.col("user_id"))) == 0.0
