"""The report: known worlds, missing data, grouping, and the article's call on a model."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from coldframe.clock import fixed_clock, generator
from coldframe.domain import Event, Impression, Item, Recommendation, RecommendedItem, User
from coldframe.errors import InputError
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.feedback import evaluate_production_metrics

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = fixed_clock(DAY_0 + timedelta(days=1000))
NAMES = [
    "ctr_at_3",
    "days_to_first_conversion",
    "days_within_horizon",
    "diversity",
    "normalised_diversity",
    "coverage",
    "exposure_gini",
    "top_2_category_share",
]


def day(n):
    return DAY_0 + timedelta(days=n)


@dataclass
class Memory:
    """A log in lists: the four reads that the report needs, with the store's own bounds."""

    delivered: list[Impression]
    happened: list[Event]
    catalogue: list[Item]
    people: list[User]

    def scan_events(self, *, start=None, end=None):
        rows = [
            {column: getattr(event, column) for column in EVENT_COLUMNS if column != "context"}
            for event in self.happened
            if end is None or event.timestamp < end
        ]
        return pl.DataFrame(rows, schema=EVENT_COLUMNS).lazy()

    def impressions(self, *, start=None, end=None):
        for one in sorted(self.delivered, key=lambda one: one.timestamp):
            if (start is None or one.timestamp >= start) and (end is None or one.timestamp < end):
                yield one

    def items(self):
        return iter(self.catalogue)

    def users(self):
        return iter(self.people)


def shown(name, user, items, when, **known):
    n = len(items)
    return Impression(
        recommendation_id=name,
        timestamp=day(when),
        items=tuple(items),
        scores=(0.0,) * n,
        propensities=(1.0,) * n,
        mixer_weights=({},) * n,
        level="hybrid",
        user_id=user,
        **{"bundle": "one", **known},
    )


def did(user, item, kind, when, recommendation=None):
    return Event(
        event_id=f"{user}{item}{kind}{when}",
        user_id=user,
        item_id=item,
        event_type=kind,
        timestamp=day(when),
        recommendation_id=recommendation,
    )


ITEMS = [Item(item_id=f"i{n}", categories=(f"c{n % 5}",)) for n in range(20)]


def shop():
    """Two users, four lists; one click at position 2, one at 4; ann converts after 3 days, bob never."""
    lists = [
        shown("r1", "ann", ["i0", "i1", "i2", "i3"], 1),
        shown("r2", "ann", ["i0", "i5"], 2),
        shown("r3", "bob", ["i0", "i1", "i2", "i3"], 3, bundle="two", variant="b"),
        shown("r4", "bob", ["gone"], 40, bundle="two", variant="b"),
    ]
    events = [
        did("ann", "i1", "click", 1.5, "r1"),
        did("ann", "i1", "purchase", 3, "r1"),
        did("bob", "i3", "click", 3.5, "r3"),
        did("bob", "i0", "view", 3.5, "r3"),
        did("bob", "i9", "click", 3.6, "r3"),
        did("bob", "i0", "click", 2.0, "r3"),
        did("bob", "i0", "click", 4.0, "r9"),
    ]
    return Memory(
        lists, events, ITEMS, [User(user_id="ann", signed_up_at=day(0)), User(user_id="bob", signed_up_at=day(1))]
    )


def report(memory, **options):
    return evaluate_production_metrics(memory, clock=LATER, **options)


def values(metrics):
    return {name: one.value for name, one in metrics.items()}


def test_a_shop_counted_by_hand():
    result = report(shop())
    assert list(result.metrics) == NAMES
    assert result.end == day(40)
    assert values(result.metrics) == pytest.approx(
        {
            "ctr_at_3": 1 / 4,
            "days_to_first_conversion": 3.0,
            "days_within_horizon": (3 + 30) / 2,
            "diversity": (4 / 5 + 1 / 5 + 4 / 5) / 3,
            "normalised_diversity": (4 / 5 + 1 / 5 + 4 / 5) / 3,
            "coverage": 5 / 20,
            "exposure_gini": result.metrics["exposure_gini"].value,
            "top_2_category_share": 6 / 10,
        }
    )
    assert {name: one.n for name, one in result.metrics.items() if "days" in name} == {
        "days_to_first_conversion": 2,
        "days_within_horizon": 2,
    }
    assert result.counts == {
        "lists": 4,
        "empty_lists": 0,
        "actors": 2,
        "catalogue_items": 20,
        "slots_not_in_catalogue": 1,
        "outcomes": 2,
        "repeated_outcomes": 1,
        "outcomes_of_unknown_lists": 1,
        "outcomes_not_on_their_list": 1,
        "outcomes_before_their_list": 1,
        "users_waiting_or_converted": 2,
        "users_converted": 1,
        "users_converted_before_clock": 0,
        "users_without_sign_up": 0,
    }


def test_every_metric_has_a_unit_a_definition_and_an_interval_or_the_reason_why_not():
    for result in (report(shop(), by="bundle"), report(Memory([], [], [], []))):
        for metrics in (result.metrics, *result.groups.values()):
            for name, one in metrics.items():
                assert one.name == name
                assert one.unit in {"share", "days"}
                assert len(one.definition) > 40
                whole = None not in (one.value, one.low, one.high)
                assert whole or one.note, name
                if whole:
                    assert one.low <= one.value <= one.high


def test_an_empty_log_has_no_values_and_says_so():
    result = report(Memory([], [], [], []))
    assert set(values(result.metrics).values()) == {None}
    assert {one.n for one in result.metrics.values()} == {0}
    assert result.end is None
    assert result.metrics["ctr_at_3"].note == "No list was delivered."
    assert result.metrics["days_within_horizon"].note == "The log is empty."


def test_a_catalogue_of_nothing_or_without_categories():
    memory = shop()
    memory.catalogue = []
    result = report(memory)
    assert result.metrics["coverage"].note == "The catalogue is empty."
    assert result.metrics["diversity"].value is None
    memory.catalogue = [Item(item_id="i0")]
    bare = report(memory)
    assert "no categories" in bare.metrics["diversity"].note
    assert bare.metrics["coverage"].value == 1
    assert bare.metrics["top_2_category_share"].value == 0


def test_a_purchase_and_a_cart_are_clicks_a_view_is_none_until_declared():
    lists = [shown("r1", "ann", ["i0"], 1), shown("r2", "bob", ["i0"], 1)]
    for kind, expected in (("purchase", 0.5), ("add_to_cart", 0.5), ("view", 0.0)):
        memory = Memory(lists, [did("ann", "i0", kind, 2, "r1")], ITEMS, [])
        assert report(memory).metrics["ctr_at_3"].value == expected
    assert report(memory, clicks=("view",)).metrics["ctr_at_3"].value == 0.5
    assert "view" in report(memory, clicks=("view",)).metrics["ctr_at_3"].definition


@pytest.mark.parametrize(("position", "expected"), [(1, 1.0), (3, 1.0), (4, 0.0)])
def test_only_the_first_three_positions_are_ctr_at_3(position, expected):
    items = ["i0", "i1", "i2", "i3"]
    memory = Memory([shown("r", "ann", items, 1)], [did("ann", items[position - 1], "click", 1, "r")], ITEMS, [])
    assert report(memory).metrics["ctr_at_3"].value == expected


def test_no_click_at_all_still_has_an_interval():
    memory = Memory([shown(f"r{n}", f"u{n}", ["i0"], 1) for n in range(50)], [], ITEMS, [])
    one = report(memory).metrics["ctr_at_3"]
    assert (one.value, one.low, one.n) == (0.0, 0.0, 50)
    assert 0.05 < one.high < 0.09


def test_a_busy_user_does_not_make_the_click_rate_certain():
    busy = [shown(f"b{n}", "bot", ["i0"], 1) for n in range(500)]
    calm = [shown(f"c{n}", f"u{n}", ["i0"], 1) for n in range(20)]
    clicks = [did("bot", "i0", "click", 2, f"b{n}") for n in range(500)]
    one = report(Memory(busy + calm, clicks, ITEMS, [])).metrics["ctr_at_3"]
    assert one.value == pytest.approx(500 / 520)
    assert one.low < 0.1


def test_an_empty_list_counts_as_delivered():
    memory = Memory(
        [shown("r1", "ann", [], 1), shown("r2", "bob", ["i0"], 1)], [did("bob", "i0", "click", 2, "r2")], ITEMS, []
    )
    result = report(memory)
    assert result.metrics["ctr_at_3"].value == 0.5
    assert result.counts["empty_lists"] == 1
    assert result.metrics["diversity"].n == 1


def test_the_pages_of_a_list_are_one_list_and_positions_go_on():
    first = shown("r1", "ann", ["i0", "i1"], 1)
    second = shown("r2", "ann", ["i2", "i3"], 1, first="r1", offset=2)
    clicks = [did("ann", "i2", "click", 2, "r2"), did("ann", "i3", "click", 2, "r2")]
    result = report(Memory([first, second], clicks, ITEMS, []))
    assert result.counts["lists"] == 1
    assert (result.counts["outcomes"], result.counts["outcomes_of_unknown_lists"]) == (2, 0)
    assert result.metrics["ctr_at_3"].value == 0


def test_one_user_has_values_without_intervals():
    result = report(Memory([shown("r1", "ann", ["i0"], 1), shown("r2", "ann", ["i1"], 1)], [], ITEMS, []))
    assert result.metrics["coverage"].value == 0.1
    assert result.metrics["coverage"].low is None
    assert result.metrics["coverage"].note == "No interval: fewer than two users."


def test_an_event_from_the_far_future_neither_ends_the_log_nor_counts():
    memory = shop()
    memory.happened.append(did("bob", "i0", "purchase", 30_000))
    assert report(memory).end == day(40)
    assert report(memory).metrics["days_to_first_conversion"].value == 3.0


def test_a_log_that_is_too_young_for_the_horizon_says_so():
    one = report(shop(), horizon_days=60.0).metrics["days_within_horizon"]
    assert one.value is None
    assert "Nobody has been followed for 60 days; the longest is 39" in one.note
    assert report(shop(), end=day(2)).metrics["days_to_first_conversion"].note.startswith("More than half")


def test_clocks_that_start_late_or_without_a_sign_up_are_named():
    memory = shop()
    memory.people = [User(user_id="ann", signed_up_at=day(9)), User(user_id="eve")]
    result = report(memory)
    assert result.metrics["days_to_first_conversion"].value == 0.0
    note = result.metrics["days_to_first_conversion"].note
    assert "1 of 2 users have no sign-up" in note
    assert "1 converted before their clock started" in note
    assert result.counts["users_converted_before_clock"] == 1


def test_a_period_takes_its_own_lists_and_its_own_sign_ups():
    result = report(shop(), start=day(1), end=day(3))
    assert result.counts["lists"] == 2
    assert result.counts["users_waiting_or_converted"] == 1
    assert result.metrics["ctr_at_3"].value == 0.5
    assert (result.start, result.end) == (day(1), day(3))


@pytest.mark.parametrize(
    ("by", "groups"), [("bundle", ["one", "two"]), ("variant", ["b", "default"]), ("scenario", ["default"])]
)
def test_groups_are_reports_of_their_own(by, groups):
    result = report(shop(), by=by)
    assert list(result.groups) == groups
    assert result.by == by
    assert sum(metrics["ctr_at_3"].n for metrics in result.groups.values()) == 4
    assert "first list delivered" in result.groups[groups[0]]["days_to_first_conversion"].definition


def test_in_a_group_the_clock_starts_with_the_first_list_and_the_early_bird_is_left_out():
    memory = shop()
    groups = report(memory, by="bundle").groups
    assert groups["one"]["days_to_first_conversion"].value == 2.0
    assert groups["two"]["days_to_first_conversion"].n == 1
    memory.happened.append(did("bob", "i0", "purchase", 0.5))
    assert report(memory, by="bundle").groups["two"]["days_to_first_conversion"].n == 0


def test_the_same_seed_gives_the_same_report_to_the_last_byte():
    random = generator(0, "lists")
    lists = [shown(f"r{n}", f"u{n % 30}", [f"i{i}" for i in random.permutation(20)[:10]], 1) for n in range(90)]
    memory = Memory(
        lists, [did(f"u{n % 30}", lists[n].items[0], "click", 2, f"r{n}") for n in range(0, 90, 7)], ITEMS, []
    )
    once, again, other = (msgspec.json.encode(report(memory, seed=seed)) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_a_database_is_asked_for_its_store():
    @dataclass
    class Database:
        store: Memory

    assert report(Database(shop())) == report(shop())


class Fixed:
    """A model that knows everybody's list."""

    def __init__(self, answers):
        self.answers = answers

    def recommend(self, user_id, *, n=10):
        return self.answers[user_id][:n]


CATALOGUE = {item.item_id: item.categories for item in ITEMS}


def test_the_articles_call_on_a_model():
    model = Fixed({"ann": ["i0", "i1", "i2", "i3"], "bob": ["i5", "i6", "i7", "i8"]})
    result = evaluate_production_metrics(model, {"ann": ["i2"], "bob": ["i8", "i19"]}, CATALOGUE)
    assert result.metrics["ctr_at_3"].value == 0.5
    assert result.metrics["ctr_at_3"].definition.startswith("Replay, nobody saw these lists")
    assert result.metrics["coverage"].value == 8 / 20
    assert result.metrics["diversity"].value == pytest.approx(4 / 5)
    assert result.metrics["days_to_first_conversion"].value is None
    assert result.metrics["days_to_first_conversion"].note == "A replay has no time."


def test_a_model_may_answer_with_ids_with_items_or_with_a_recommendation():
    slots = tuple(RecommendedItem(item_id=item, score=1.0) for item in ("i0", "i1"))
    whole = Recommendation(recommendation_id="r", items=slots, bundle="b", level="hybrid")

    class Whole:
        def recommend(self, user_id, *, n=10):
            return whole

    reports = [
        evaluate_production_metrics(model, {"ann": ["i1"]}, ITEMS)
        for model in (Fixed({"ann": ["i0", "i1"]}), Fixed({"ann": slots}), Whole())
    ]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0].metrics["ctr_at_3"].value == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "test users and a catalogue"),
        (({"ann": []},), "test users and a catalogue"),
        ((["ann"], CATALOGUE), "test_users is a list"),
    ],
)
def test_a_model_without_what_it_needs_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        evaluate_production_metrics(Fixed({"ann": []}), *arguments)


def test_an_impossible_horizon_is_refused():
    with pytest.raises(InputError, match="horizon of 0"):
        evaluate_production_metrics(shop(), horizon_days=0)
