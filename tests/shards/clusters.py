"""A Spark cluster of one master and two workers on this machine, for tests; stopped by the ids of its processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

PATIENCE_SECONDS = 90


class Cluster:
    """Started by `with`; `url` is what a driver connects to."""

    def __init__(self, spark_class: Path, folder: Path) -> None:
        self._class, self._folder = spark_class, folder
        self._port, self._page = _free_port(), _free_port()
        self.url = f"spark://127.0.0.1:{self._port}"
        self._processes: list[subprocess.Popen] = []

    def __enter__(self) -> "Cluster":
        try:
            at = ("--host", "127.0.0.1", "--port", str(self._port), "--webui-port", str(self._page))
            self._start("master.Master", "master", *at)
            for name in ("one", "two"):
                room = ("--cores", "1", "--memory", "1g", "--work-dir", str(self._folder / name), "--webui-port", "0")
                self._start("worker.Worker", name, "--host", "127.0.0.1", *room, self.url)
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def kill_a_worker(self) -> None:
        """Kill the last worker and the executors that it started, as a machine that loses power does."""
        worker = self._processes[-1]
        for process in (worker.pid, *_children(worker.pid)):
            os.kill(process, signal.SIGKILL)
        worker.wait()

    def _start(self, what: str, name: str, *arguments: str) -> None:
        command = [self._class, f"org.apache.spark.deploy.{what}", *arguments]
        environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError), self._state() as answer:
                if json.load(answer)["aliveworkers"] == 2:
                    return
            time.sleep(0.5)
        raise TimeoutError((self._folder / "master.log").read_text())

    def _state(self) -> contextlib.AbstractContextManager:
        return urllib.request.urlopen(f"http://127.0.0.1:{self._page}/json/", timeout=5)

    def _stop(self) -> None:
        for process in reversed(self._processes):
            children = _children(process.pid) if process.poll() is None else []
            process.terminate()
            process.wait()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]
