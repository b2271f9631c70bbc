"""The thread that looks at the plan and starts a trainer when it is time.

Owns one thread of the process that watches the server, and the pause after a training that came to nothing. Never
trains itself and never touches what serves: a promoted bundle is followed by the server on its own.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from coldframe.clock import Clock, new_training_id, system_clock
from coldframe.errors import ColdframeError
from coldframe.schedule.plan import LEASE, Plan, next_training
from coldframe.schedule.records import settle
from coldframe.schedule.trainer import train_in_process
from coldframe.settings import Settings
from coldframe.store.ledger import Ledger
from coldframe.store.sqlite import SQLiteStore

LOOK_SECONDS = 30.0
"""How often the plan is looked at again: somebody may have trained by hand, or another process may have ended."""
Launch = Callable[[Settings, Path, str, threading.Event], int]
"""Trains in a process of its own until it ends or the event is set; returns its exit code."""
logger = logging.getLogger("coldframe.schedule")


class Scheduler:
    """Trains a project every `schedule.every_hours`, from `begin` to `stop`."""

    def __init__(
        self, settings: Settings, data: Path, *, clock: Clock = system_clock, launch: Launch = train_in_process
    ) -> None:
        self._settings, self._data, self._clock, self._launch = settings, data, clock, launch
        self._begun, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="coldframe-scheduler", daemon=True)
        self._not_before: datetime | None = None
        self._told = ""
        self._thread.start()

    def begin(self) -> None:
        """Look at the plan from now on; returns at once."""
        self._begun.set()

    def stop(self) -> None:
        """End the trainer, if there is one, and the thread; returns when both have ended."""
        self._stop.set()
        self._begun.set()
        self._thread.join()

    def look(self, ledger: Ledger) -> float:
        """Train if it is time; return after how many seconds to look again."""
        now = self._clock()
        plan = next_training(now, list(ledger.trainings()), ledger.lease(LEASE), self._settings.schedule)
        if self._not_before is not None and plan.at < self._not_before:
            plan = Plan(self._not_before, "the last training failed")
        if plan.at > now:
            self._tell(plan)
            return min((plan.at - now).total_seconds(), LOOK_SECONDS)
        self._train(ledger, plan)
        return 0.0

    def _run(self) -> None:
        self._begun.wait()
        while not self._stop.is_set():
            try:
                with closing(SQLiteStore(self._data, self._settings.store)) as store:
                    while not self._stop.is_set():
                        self._stop.wait(self.look(store))
            except (ColdframeError, OSError) as error:
                logger.error("the schedule pauses for %g minutes: %s", self._settings.schedule.retry_minutes, error)
                self._pause()
                self._stop.wait(self._settings.schedule.retry_minutes * 60)

    def _train(self, ledger: Ledger, plan: Plan) -> None:
        run_id = new_training_id()
        logger.info("training %s begins: %s", run_id, plan.why)
        code = self._launch(self._settings, self._data, run_id, self._stop)
        self._pause()
        run = settle(ledger, run_id, code, stopping=self._stop.is_set(), at=self._clock())
        if run is not None and run.outcome == "promoted":
            self._not_before = None
            logger.info("training %s is done: %s serves", run_id, run.bundle)
            return
        outcome, message = ("stopped", "") if self._stop.is_set() else ("failed", run.message if run else "")
        logger.warning("training %s %s; the last bundle keeps serving. %s", run_id, outcome, message)

    def _pause(self) -> None:
        """Let no training begin for `retry_minutes`, also when the store could not even record the last one."""
        self._not_before = self._clock() + timedelta(minutes=self._settings.schedule.retry_minutes)

    def _tell(self, plan: Plan) -> None:
        """Say once when the next training begins."""
        told = f"the next training begins at {plan.at:%Y-%m-%d %H:%M:%S} UTC or later: {plan.why}"
        if plan.why != self._told:
            logger.info("%s", told)
            self._told = plan.why
