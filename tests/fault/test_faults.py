"""A few of every kind of fault; `make fault` makes them all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import reliability
from faults import bundles, io_errors, load, power
from faults.page import PAGE, page, read
from faults.shim import CannotBuildError
from served import Served, publish_small_bundle


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    try:
        return power.record(tmp_path_factory.mktemp("power"))
    except CannotBuildError as error:
        pytest.skip(str(error))


def test_nothing_acknowledged_is_lost_in_power_cuts(tmp_path: Path, log: bytes) -> None:
    outcome = power.cut(tmp_path, every=97, log=log)
    assert outcome.faults == []
    assert outcome.figures["cuts"] > 50
    assert outcome.figures["acknowledged"] > 200


@pytest.mark.parametrize("deaf", ["-wal", "segments/.new", "segments", "bundles", ".json.new"])
def test_a_disk_that_ignores_fsync_is_found_out(tmp_path: Path, log: bytes, deaf: str) -> None:
    """None of these fsyncs may be left out, and the power cuts would tell."""
    assert power.cut(tmp_path, every=199, log=log, deaf=deaf).faults


def test_nothing_acknowledged_is_lost_on_a_failing_disk(tmp_path: Path) -> None:
    try:
        outcome = io_errors.fail_everywhere(tmp_path, every=101)
    except CannotBuildError as error:
        pytest.skip(str(error))
    assert outcome.faults == []
    assert outcome.figures["refused"] > 10


def test_no_spoiled_bundle_is_accepted(tmp_path: Path) -> None:
    outcome = bundles.spoil(tmp_path, times=300)
    assert outcome.faults == []
    assert all(outcome.figures[way.__name__] for way in bundles.WAYS)


def test_jumping_clocks_lose_nothing(tmp_path: Path) -> None:
    outcome = reliability.jumped(tmp_path, 200)
    assert outcome.faults == []


def test_slow_clients_keep_nobody_waiting_and_overload_passes(tmp_path: Path) -> None:
    """Times mean little while other tests run; answers, refusals and a recovery do not depend on them."""
    publish_small_bundle(tmp_path)
    with Served(tmp_path) as server:
        slow = load.dribble(server.peer, clients=50, seconds=1)
        flood = load.overload(server.peer, server.cpu_seconds, times=3, seconds=2.5)
    assert slow.figures["failed"] == 0 < slow.figures["answered"]
    assert flood.figures["refused"] > 0
    assert flood.figures["recovery s"] <= load.RECOVERY_SECONDS


def test_the_page_is_what_the_results_say() -> None:
    """After a change of either: `python benchmarks/reliability.py --page-only`."""
    assert PAGE.read_text() == "\n".join(page(read(), list(reliability.KINDS)))
