"""Keeps the live bundle the promoted one, and a service from outliving the process that started it.

Owns one thread. What a refused bundle means is the engine's business: the previous one keeps answering.
"""

import logging
import threading
from collections.abc import Callable

from coldframe.errors import BundleError, ColdframeError
from coldframe.serving.engine import Engine

INTERVAL_SECONDS = 1.0
logger = logging.getLogger("coldframe.serving")


class BundleFollower:
    """Asks the engine every second to follow the registry."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_refused: Callable[[], None],
        on_tick: Callable[[], None],
        seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._engine = engine
        self._on_refused = on_refused
        self._on_tick = on_tick
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coldframe-follower", daemon=True)
        self._last_refusal = ""

    def start(self) -> None:
        """Look once at once, then every second from a thread."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Follow the registry once. A bundle that is refused is logged and counted once, not every second."""
        try:
            if self._engine.refresh():
                logger.info("bundle %s is live", self._engine.bundle_id)
                self._last_refusal = ""
        except (ColdframeError, OSError) as error:
            if str(error) != self._last_refusal:
                logger.error("%s keeps serving as it is: %s", self._engine.bundle_id, error)
                if isinstance(error, BundleError):
                    self._on_refused()
                self._last_refusal = str(error)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.look()
            except Exception as error:
                if repr(error) != self._last_refusal:
                    logger.exception("%s keeps serving as it is; following goes on", self._engine.bundle_id)
                    self._last_refusal = repr(error)
            try:
                self._on_tick()
            except OSError as error:
                logger.error("what this worker does is not known to the others: %s", error)
