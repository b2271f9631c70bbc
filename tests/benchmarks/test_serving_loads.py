"""Swaps under load and the soak: what they count as a fault, and that a short run of each ends well."""

import math
import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import soak
import swaps
from steady import Asked, Span, Steady
from two_bundles import Answer, Item, Judge

ONE = Answer("v1-one", (Item("a", 0.5), Item("b", 0.25)))
OTHER = Answer("v1-other", (Item("b", 0.75), Item("a", 0.5)))
RIGHT = {each.bundle: [each] for each in (ONE, OTHER)}


def test_an_answer_is_right_when_it_is_all_of_the_bundle_that_it_names():
    judge = Judge(RIGHT)
    for right in (ONE, OTHER):
        assert judge.fault(0, msgspec.json.encode(right)) == ""
        assert judge.named == right.bundle


def test_an_answer_of_two_bundles_or_of_none_that_was_promoted_is_a_fault():
    judge = Judge(RIGHT)
    mixed = [
        Answer(ONE.bundle, OTHER.items),
        Answer(ONE.bundle, (ONE.items[0], OTHER.items[0])),
        Answer(ONE.bundle, (ONE.items[0], Item("b", math.nextafter(0.25, 1)))),
        Answer(ONE.bundle, ONE.items[:1]),
        Answer("v1-third", ONE.items),
    ]
    for answer in mixed:
        assert judge.fault(0, msgspec.json.encode(answer)).startswith("mixed")
    assert judge.named == ""


def test_requests_count_by_when_they_were_due():
    load = Steady(0, 1.0, lambda client, number: "")
    load.asked = [Asked(float(due), 10.0 * due, "") for due in range(6)]
    assert load.during([Span(1, 3), Span(5, 6)]).tolist() == [10.0, 20.0, 50.0]


def test_a_server_that_is_gone_fails_every_request():
    load = Steady(1, 200.0, lambda client, number: client.get("/") and "", connections=2)
    with load.running():
        swaps._wait(lambda: len(load.asked) > 3)
    assert all(one.fault.startswith("failed") for one in load.asked)


def test_bundles_are_swapped_in_every_way_and_no_answer_is_lost_or_mixed(tmp_path):
    found = swaps.run(tmp_path, swaps=swaps.ROUND, requests=50, n_items=300, minutes=3)
    assert (found.swaps, found.failed, found.mixed, found.faults) == (swaps.ROUND, 0, 0, [])
    assert found.requests >= 50


def test_growth_is_of_the_last_tenth_over_that_after_warm_up():
    samples = [soak.Sample(second, soak.Memory(50 if second < 10 else 100 + second, 7)) for second in range(100)]
    assert soak.growth(samples, 0) == (194.5 / 114.5) - 1
    assert soak.growth(samples, 1) == 0


def test_a_soak_asks_and_tells_and_nothing_fails(tmp_path, capsys):
    found = soak.run(tmp_path, minutes=0.05, rate=20, n_items=300, tell=False, filled=1_000, counted=1_000)
    assert (found.failed, found.faults) == (0, [])
    assert found.requests > 20
    assert found.rss_mb > 50
