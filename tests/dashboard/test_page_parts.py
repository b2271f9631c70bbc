"""What the page shows, as plain values: customers, shares, a person's view, the table of quality."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig import METRICS, NOW, WARMTH, NeighbourEngine, OneBundle

from coldframe.dashboard.customers import WARMTHS, Customer, Customers, customers_of, warmth_of
from coldframe.dashboard.desk import Desk
from coldframe.dashboard.quality import bundle_quality, quality_of
from coldframe.dashboard.shares import GROUPS, lines_of, segments_of
from coldframe.dashboard.story import Story
from coldframe.dashboard.trust import trust_of
from coldframe.dashboard.views import person_view


def test_customers_are_everybody_with_events_the_most_recent_first(shop):
    found = customers_of(shop)
    assert [(c.user_id, c.n_events, c.about, c.warmth.name) for c in found.search("")] == [
        ("ann", 25, "France", "regular"),
        ("ben", 2, "", "cool"),
        ("eve & co/é", 1, "", "cold"),
        ("gus", 1, "", "cold"),
    ]
    assert len(found) == 4
    assert found.get("ben").last_seen == NOW - timedelta(days=2)
    assert found.get("nobody") is None


def test_a_search_needs_every_word_and_stops_at_its_limit():
    customers = Customers(Customer(f"{n}", 1, NOW, "United Kingdom" if n % 2 else "France") for n in range(100))
    assert [c.user_id for c in customers.search("FRANCE 98")] == ["98"]
    assert len(customers.search("kingdom")) == 30
    assert customers.search("kingdom france") == []


def test_a_sample_has_a_few_of_each_band():
    customers = Customers(Customer(f"{n}", n % 30 + 1, NOW + timedelta(n), "") for n in range(300))
    groups = customers.sample(2)
    assert [warmth.name for warmth, _ in groups] == ["regular", "lukewarm", "cool", "cold"]
    assert all(len(found) == 2 and all(c.warmth is warmth for c in found) for warmth, found in groups)


@given(st.integers(0, 10**9))
def test_every_history_length_has_one_band(n_events):
    assert [w for w in WARMTHS if w.low <= n_events <= w.high] == [warmth_of(n_events)]


shares = st.dictionaries(
    st.sampled_from([*(name for group in GROUPS.values() for name in group), "mine", "yours"]),
    st.floats(0.01, 1),
    min_size=1,
).map(lambda found: {name: share / sum(found.values()) for name, share in found.items()})


@given(shares)
def test_segments_fill_the_bar_without_gaps(given_shares):
    segments = segments_of(given_shares)
    assert sum(s.width for s in segments) == pytest.approx(100, abs=0.1)
    for before, after in pairwise(segments):
        assert after.start == pytest.approx(before.start + before.width, abs=0.1)
    assert len({s.tone for s in segments}) == len({s.label for s in segments}) == len(segments)


@given(shares)
def test_expert_lines_tell_the_largest_first(given_shares):
    lines = lines_of(given_shares, {}, {})
    assert [line.share for line in lines] == sorted((line.share for line in lines), reverse=True)
    assert {line.name for line in lines} == {name for name, share in given_shares.items() if share >= 0.005}


def test_a_view_holds_the_engine_s_numbers(shop):
    engine = NeighbourEngine(shop)
    view = person_view(engine, shop, "ben", is_visitor=False, history_limit=500)
    assert [entry[1].title for day in view.history for entry in day.entries] == ["Candle", "Lunch box <b>bold</b>"]
    assert [day.day for day in view.history] == [NOW - timedelta(days=2), NOW - timedelta(days=3)]
    first = view.suggestions[0]
    assert (first.product.title, first.product.price, first.item_events) == ("Scented candle", 1.5, 0)
    assert [(r.title, r.verb, r.similarity) for r in first.reasons] == [("Candle", "bought", 0.5)]
    assert first.score == view.answer.items[0].score
    assert sum(line.share for line in first.experts) == pytest.approx(100)
    assert view.days_since_signup is None


def test_only_a_visitor_s_list_counts_as_delivered(shop):
    engine = NeighbourEngine(shop)
    person_view(engine, shop, "ann", is_visitor=False, history_limit=500)
    person_view(engine, shop, "someone new", is_visitor=True, history_limit=500)
    assert engine.delivered == ["someone new"]


def test_an_item_that_left_the_catalogue_is_called_by_its_id(shop):
    view = person_view(NeighbourEngine(shop), shop, "gus", is_visitor=False, history_limit=500)
    assert view.history[0].entries[0][1].title == "unlisted"


def test_a_desk_reads_the_catalogue_again_when_it_changed(shop):
    desk = Desk(Story())
    assert [p.title for p in desk.products(shop, "candle")] == ["Candle", "Scented candle"]
    del shop._items["c1"]
    assert [p.title for p in desk.products(shop, "candle")] == ["Scented candle"]
    assert desk.products(shop, " ") == []


def test_the_table_of_quality_has_a_row_a_slice_and_marks_the_best():
    table = bundle_quality(OneBundle(), NeighbourEngine.bundle_id)
    assert table.models == ["hybrid", "collaborative", "content", "popular"]
    assert [row.label for row in table.rows][:3] == ["everybody", "customers with 0 events", "customers with 1 event"]
    assert table.rows[0].best == METRICS["all/hybrid/ndcg@10"]
    assert all(len(row.values) == 4 and row.requests is None for row in table.rows)


def test_a_table_says_what_was_not_measured():
    cells = {("overall", "a"): 0.5, ("overall", "b"): 0.25, ("item:0", "b"): 0.0}
    table = quality_of(cells, about="", requests={"overall": 7})
    assert [(row.label, row.requests, row.values, row.best) for row in table.rows] == [
        ("everybody", 7, [0.5, 0.25], 0.5),
        ("products with 0 events", None, [None, 0.0], None),
    ]


def test_no_bundle_or_no_metrics_is_no_table():
    assert bundle_quality(OneBundle(), None) is None
    assert bundle_quality(OneBundle({"n_events": 3.0}), NeighbourEngine.bundle_id) is None


def test_trust_is_a_grid_of_what_is_known_of_customers_and_products():
    trust = trust_of(WARMTH)
    assert trust.columns == ["products with 0 events", "products with >20 events"]
    assert [label for label, _ in trust.rows] == ["customers with 0 events", "customers with >20 events"]
    assert trust.rows[0][1][0] is None
    assert [(s.label, s.width) for s in trust.rows[1][1][0].segments] == [
        ("content", 80.0),
        ("collaborative", 10.0),
        ("popularity", 10.0),
    ]
    assert [s.label for s in trust.legend] == ["content", "collaborative", "popularity"]
    assert trust_of([]) is None
