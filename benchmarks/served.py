"""A real server in a process of its own, started on a data folder, ended politely or not at all.

python benchmarks/served.py DATA [PORT [WORKERS]]     prints its address and serves until SIGTERM
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

START_SECONDS = 60.0


class Served:
    """The server as a process group, so that killing it leaves nobody behind who could finish its work."""

    def __init__(self, data: Path, *, workers: int = 1) -> None:
        command = [sys.executable, __file__, str(data), "0", str(workers)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("http://"):
            self.kill()
            raise RuntimeError(f"the server did not start: {line!r}")
        self.address = line.strip()
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        self.peer = (host, int(port))

    @property
    def pid(self) -> int:
        """The process that was started; its workers are others."""
        return self._process.pid

    def workers(self) -> list[int]:
        """Return the processes that answer, as the system lists them."""
        found = list[int]()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended while we looked
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
        return sorted(found)

    def cpu_seconds(self) -> float:
        """Return the processor time of every process of the server so far, in seconds."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it ended while we looked
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self._process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End every process of the server at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the server to end; return its exit status."""
        return self._signal(signal.SIGTERM)

    def running(self) -> bool:
        """True while the process that was started lives."""
        return self._process.poll() is None

    def _signal(self, number: signal.Signals) -> int:
        if number == signal.SIGKILL:
            os.killpg(self._process.pid, number)
        elif self.running():
            self._process.send_signal(number)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(timeout=START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def publish_small_bundle(data: Path) -> None:
    """Train on a small made shop and promote the bundle, unless one serves already."""
    from coldframe.bundle.registry import Registry
    from coldframe.clock import system_clock
    from coldframe.models import train_hybrid
    from coldframe.models.recommender import served
    from coldframe.scoring.packing import NULLABLE, pack
    from coldframe.testing.shop import quick_settings, shop

    registry = Registry(data / "bundles")
    if registry.promoted() is not None:
        return
    training_set = shop().training_set()
    arrays, meta = pack(served(training_set, train_hybrid(training_set, quick_settings(mixer={"form": "blend"}))))
    registry.promote(registry.publish(arrays, meta, created_at=system_clock(), nullable=NULLABLE))


def main(data: str, port: str = "0", workers: str = "1") -> None:
    """Serve one folder."""
    from coldframe.serving.server import serve
    from coldframe.settings import Settings

    settings = replace(Settings(), serving=replace(Settings().serving, port=int(port), workers=int(workers)))
    serve(settings, Path(data), on_listening=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
