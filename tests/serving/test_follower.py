"""The thread that follows the registry: a broken bundle is told once, a good one is picked up."""

import logging
import threading

import pytest

from coldframe.errors import BundleError
from coldframe.serving.follower import BundleFollower


class ScriptedEngine:
    """Refreshes as the script says: True, False or an error."""

    def __init__(self, *script: bool | Exception) -> None:
        self.script, self.bundle_id, self.looked = list(script), "b-1", threading.Event()

    def refresh(self) -> bool:
        step = self.script.pop(0) if self.script else False
        if not self.script:
            self.looked.set()
        if isinstance(step, Exception):
            raise step
        return step


def test_a_refusal_is_logged_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    refused: list[int] = []
    broken, other = BundleError("b-2 is truncated."), BundleError("b-3 is foreign.")
    engine = ScriptedEngine(broken, broken, True, broken, other, OSError("disk"))
    follower = BundleFollower(engine, on_refused=lambda: refused.append(1), on_tick=lambda: None)
    with caplog.at_level(logging.ERROR, "coldframe.serving"):
        for _ in range(6):
            follower.look()
    assert (len(refused), len(caplog.records)) == (3, 4), "a full disk is told, but is no refused bundle"
    assert "b-2 is truncated" in caplog.records[0].getMessage()


def test_a_tick_that_the_disk_refuses_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def tick() -> None:
        raise OSError("disk full")

    engine = ScriptedEngine(True, False, False, True)
    follower = BundleFollower(engine, on_refused=lambda: None, on_tick=tick, seconds=0.01)
    with caplog.at_level(logging.ERROR, "coldframe.serving"):
        follower.start()
        assert engine.looked.wait(5)
        follower.stop()
    assert "disk full" in caplog.text


def test_what_nobody_expected_is_told_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    engine = ScriptedEngine(True, ZeroDivisionError("modulo"), ZeroDivisionError("modulo"), False, True)
    follower = BundleFollower(engine, on_refused=lambda: None, on_tick=lambda: None, seconds=0.01)
    with caplog.at_level(logging.ERROR, "coldframe.serving"):
        follower.start()
        assert engine.looked.wait(5)
        follower.stop()
    assert len(caplog.records) == 1
    assert "modulo" in caplog.text


def test_it_looks_at_once_and_again_until_stopped() -> None:
    ticks: list[int] = []
    engine = ScriptedEngine(True, False, False)
    follower = BundleFollower(engine, on_refused=lambda: None, on_tick=lambda: ticks.append(1), seconds=0.01)
    follower.start()
    assert engine.looked.wait(5)
    follower.stop()
    count = len(ticks)
    assert not any(thread.name == "coldframe-follower" for thread in threading.enumerate())
    assert count == len(ticks)
