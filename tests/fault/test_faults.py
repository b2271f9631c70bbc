"""A few of every kind of fault; `make fault` makes them all."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import reliability
from faults import Outcome, bundles, io_errors, load, power
from faults.shim import CannotBuildError
from served import Served, publish_small_bundle


def unless_unbuildable(fault: Callable[..., Outcome], *arguments: object, **given: object) -> Outcome:
    try:
        return fault(*arguments, **given)
    except CannotBuildError as error:
        pytest.skip(str(error))


def test_nothing_acknowledged_is_lost_in_power_cuts(tmp_path: Path) -> None:
    outcome = unless_unbuildable(power.cut, tmp_path, every=97)
    assert outcome.faults == []
    assert outcome.figures["cuts"] > 50
    assert outcome.figures["acknowledged"] > 200


def test_nothing_acknowledged_is_lost_on_a_failing_disk(tmp_path: Path) -> None:
    outcome = unless_unbuildable(io_errors.fail_everywhere, tmp_path, every=101)
    assert outcome.faults == []
    assert outcome.figures["refused"] > 10


def test_no_spoiled_bundle_is_accepted(tmp_path: Path) -> None:
    outcome = bundles.spoil(tmp_path, times=300)
    assert outcome.faults == []
    assert all(outcome.figures[way.__name__] for way in bundles.WAYS)


def test_jumping_clocks_lose_nothing(tmp_path: Path) -> None:
    outcome = reliability.jumped(tmp_path, 200)
    assert outcome.faults == []


def test_slow_clients_and_overload_keep_nobody_from_an_answer(tmp_path: Path) -> None:
    """Times mean little while other tests run; that every request is answered or refused does."""
    publish_small_bundle(tmp_path)
    with Served(tmp_path) as server:
        slow = load.dribble(server.peer, clients=50, seconds=1)
        flood = load.overload(server.peer, times=3, seconds=2.5)
        assert server.stop() == 0
    assert slow.figures["failed"] == 0 < slow.figures["answered"]
    assert flood.figures["other"] == 0 < flood.figures["refused"]
    assert flood.figures["recovery s"] <= load.RECOVERY_SECONDS
