"""Work beside answers pauses for as long as its share says, and only where somebody asked for it."""

from collections.abc import Callable

import pytest

from coldframe import pacing
from coldframe.pacing import STRETCH_SECONDS, at_most, in_parallel, rest, rested


class Hours:
    """A clock that work and pauses move on; `slept` are the pauses."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def work(self, seconds: float) -> None:
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    found = Hours()
    monkeypatch.setattr(pacing, "perf_counter", lambda: found.now)
    monkeypatch.setattr(pacing, "sleep", found.sleep)
    return found


def working(hours: Hours) -> Callable[[float], float]:
    def work(seconds: float) -> float:
        hours.work(seconds)
        return seconds

    return work


def test_nothing_pauses_where_nobody_asked(hours: Hours) -> None:
    hours.work(1.0)
    rest()
    assert hours.slept == []


def test_a_quarter_of_the_time_is_three_pauses_as_long_as_the_work(hours: Hours) -> None:
    with at_most(0.25):
        for seconds in (0.002, 0.010):
            hours.work(seconds)
            rest()
    assert hours.slept == pytest.approx([0.006, 0.030])


def test_short_stretches_are_added_up_before_a_pause(hours: Hours) -> None:
    with at_most(0.5):
        for _ in range(10):
            hours.work(STRETCH_SECONDS * 0.3)
            rest()
    assert hours.slept == pytest.approx([STRETCH_SECONDS * 1.2] * 2)


def test_the_pace_ends_with_its_block_even_by_an_error(hours: Hours) -> None:
    with pytest.raises(ValueError, match="broken"), at_most(0.5):
        raise ValueError("broken")
    hours.work(1.0)
    rest()
    assert hours.slept == []


def test_values_rest_once_in_so_many(hours: Hours) -> None:
    with at_most(0.5):
        for _ in rested(range(7), 3):
            hours.work(STRETCH_SECONDS)
    assert hours.slept == pytest.approx([3 * STRETCH_SECONDS] * 2)


def test_one_thread_keeps_the_pace_and_several_have_none(hours: Hours) -> None:
    with at_most(0.5):
        assert in_parallel(working(hours), [0.1, 0.2], 1) == [0.1, 0.2]
        assert hours.slept == pytest.approx([0.1])
        assert in_parallel(working(hours), [0.1, 0.2], 2) == [0.1, 0.2]
    assert len(hours.slept) == 1
