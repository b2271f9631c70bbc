"""The process that trains beside a server, with lowered priority.

Owns its start and its end. A trainer may be killed at any moment: what is durable is whole, and the next one begins
anew.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from coldframe.clock import system_clock
from coldframe.errors import ColdframeError
from coldframe.settings import ScheduleSettings, Settings

COMMAND = "coldframe run"
POLL_SECONDS = 0.2
END_SECONDS = 5.0
"""How long a trainer may take to end after SIGTERM before it is killed."""


def train_in_process(settings: Settings, data: Path, run_id: str, stop: threading.Event) -> int:
    """Train in a process of its own until it ends or `stop` is set; return its exit code, negative for a signal."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_train, args=(settings, data, run_id, os.getpid()), name="coldframe-trainer")
    process.start()
    while process.exitcode is None and not stop.is_set():
        process.join(POLL_SECONDS)
    if process.exitcode is None:
        process.terminate()
        process.join(END_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    return code or 0


def _train(settings: Settings, data: Path, run_id: str, parent: int) -> None:
    """Be the trainer: SIGTERM ends it at once, and Ctrl-C is for the process that started it."""
    give_way(settings.schedule)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        _train_project(settings, data, run_id, partial(end_without, parent))
    except ColdframeError as error:
        logging.getLogger("coldframe.schedule").error("training %s failed: %s", run_id, error)
        sys.exit(error.exit_code)


def _train_project(settings: Settings, data: Path, run_id: str, on_tick: "partial[None]") -> None:
    from coldframe.bundle.registry import Registry
    from coldframe.schedule.training import train
    from coldframe.store.sqlite import SQLiteStore

    store = SQLiteStore(data, settings.store)
    try:
        train(
            store,
            Registry(data / "bundles"),
            settings,
            command=COMMAND,
            run_id=run_id,
            clock=system_clock,
            progress=lambda step, done, total: None,
            on_tick=on_tick,
        )
    finally:
        store.close()


def give_way(settings: ScheduleSettings) -> None:
    """Lower the priority of this process and of every thread that it starts from now on.

    `idle` is Linux's SCHED_IDLE: whoever wakes takes the core at once. Elsewhere there is `nice` alone.
    """
    os.nice(settings.nice)
    if settings.idle and sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def end_without(parent: int) -> None:
    """End this process when the one that started it is gone."""
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def sigterm_interrupts() -> Generator[None]:
    """Let SIGTERM do inside what Ctrl-C does, so that a training in the foreground gives its lease back."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
