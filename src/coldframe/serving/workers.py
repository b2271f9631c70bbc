"""What the workers of one server know of one another.

Owns a folder of the server's, in which each worker says whether it has started and which bundle it has live. A worker
that is gone counts no more, and nothing here outlives the server.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import msgspec

FOLLOW_SECONDS = 60.0
"""How long whoever promotes a bundle waits for the other workers: they look every second, then open it with pauses."""
POLL_SECONDS = 0.02
_SUFFIX = ".worker"


class _Told(msgspec.Struct, frozen=True):
    started: bool
    bundle: str | None


class Workers:
    """The workers of a server, seen by the process `pid`: one of them, or the one that watches them."""

    def __init__(self, folder: Path, pid: int | None = None) -> None:
        self.folder = folder
        self._mine = folder / f"{os.getpid() if pid is None else pid}{_SUFFIX}"
        self._told: _Told | None = None
        self._telling = Lock()

    def tell(self, live: Callable[[], str | None] | None = None) -> None:
        """Say which bundle this worker has live, or, without it, that it has not started.

        It is asked in turn: of two threads that tell, the later one has the later answer.
        """
        with self._telling:
            told = _Told(live is not None, live() if live else None)
            if told == self._told:
                return
            beside = self._mine.with_suffix(".new")
            beside.write_bytes(msgspec.json.encode(told))
            beside.replace(self._mine)
            self._told = told

    def leave(self) -> None:
        """Count no more."""
        self._mine.unlink(missing_ok=True)

    def started(self) -> int:
        """Return how many have started."""
        return sum(told.started for _, told in self._alive())

    def behind(self, bundle: str) -> int:
        """Return how many others have not this bundle live; one that is starting has none yet."""
        return sum(told.bundle != bundle for path, told in self._alive() if path != self._mine)

    def wait_for(self, bundle: str, *, seconds: float = FOLLOW_SECONDS) -> int:
        """Return once every other worker has a bundle live, or after so many seconds; how many have not."""
        end = time.monotonic() + seconds
        while (behind := self.behind(bundle)) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return behind

    def _alive(self) -> Iterator[tuple[Path, _Told]]:
        for path in self.folder.glob(f"*{_SUFFIX}"):
            try:
                os.kill(int(path.stem), 0)
                yield path, msgspec.json.decode(path.read_bytes(), type=_Told)
            except (ProcessLookupError, PermissionError, FileNotFoundError):
                continue  # it died, and another program may have its number; or it has just left
