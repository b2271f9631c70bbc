"""Clusters on this machine, for tests: the servers of Spark and of Flink, and Beam's between a pipeline and those.

All on loopback, stopped by the ids of their processes.
"""

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
OPENED = ("java.lang", "java.lang.invoke", "java.net", "java.nio", "java.time", "java.util", "sun.nio.ch")
"""Packages of Java that Flink and Spark look into."""
FLINK = """
jobmanager: {{rpc: {{address: 127.0.0.1, port: {rpc}}}, bind-host: 127.0.0.1, memory.process.size: 1g}}
rest: {{address: 127.0.0.1, bind-address: 127.0.0.1, port: {rest}}}
io.tmp.dirs: {folder}
taskmanager:
  host: 127.0.0.1
  bind-host: 127.0.0.1
  numberOfTaskSlots: 2
  cpu.cores: 2.0
  memory:
    task: {{heap.size: 512m, off-heap.size: 128m}}
    framework: {{heap.size: 128m, off-heap.size: 128m}}
    managed.size: 256m
    network: {{min: 256m, max: 256m}}
    jvm-metaspace.size: 256m
    jvm-overhead: {{min: 192m, max: 192m}}
"""


def java(jars: Path, *options: str) -> list[str]:
    """Return the start of a command that runs a class of these jars."""
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED]
    return ["java", *opened, *options, "-Xmx1g", "-cp", f"{jars}/*"]


class Servers:
    """Processes that start with `with`; what each says lies in a log of its name in the folder."""

    def __init__(self, command: list[str], folder: Path, **environment: str) -> None:
        self.command, self.folder = command, folder
        self.environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", **environment}
        self.processes: list[subprocess.Popen] = []

    def start(self) -> None:
        """Start all, and wait until they serve."""
        raise NotImplementedError

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            children = _children(process.pid) if process.poll() is None else []
            process.terminate()
            process.wait()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    def serve(self, name: str, main: str, *arguments: object) -> None:
        """Start a process of this class."""
        command = [*self.command, main, *map(str, arguments)]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=self.environment))

    def wait(self, name: str, ready) -> None:
        """Wait until something is so; or fail with what the process of this name says."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError):
                if ready():
                    return
            time.sleep(0.5)
        raise TimeoutError((self.folder / f"{name}.log").read_text())


class Spark(Servers):
    """A master and two workers; `url` is what a driver connects to."""

    def start(self) -> None:
        port, self._page = free_port(), free_port()
        self.url = f"spark://127.0.0.1:{port}"
        at = ("--host", "127.0.0.1")
        self.serve("master", "org.apache.spark.deploy.master.Master", *at, "--port", port, "--webui-port", self._page)
        for name in ("one", "two"):
            room = ("--cores", 1, "--memory", "1g", "--work-dir", self.folder / name, "--webui-port", 0)
            self.serve(name, "org.apache.spark.deploy.worker.Worker", *at, *room, self.url)
        self.wait("master", lambda: self._state()["aliveworkers"] == 2)

    def finished(self) -> int:
        """Return how many jobs came to a good end."""
        return sum(app["state"] == "FINISHED" for app in self._state()["completedapps"])

    def kill_a_worker(self) -> None:
        """Kill the last worker and the executors that it started, as a machine that loses power does."""
        worker = self.processes[-1]
        for process in (worker.pid, *_children(worker.pid)):
            os.kill(process, signal.SIGKILL)
        worker.wait()

    def _state(self) -> dict:
        return _asked(f"http://127.0.0.1:{self._page}/json/")


class Flink(Servers):
    """A JobManager and a TaskManager of two slots; `address` is what jobs are sent to."""

    def start(self) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        (self.folder / "config.yaml").write_text(FLINK.format(rpc=free_port(), rest=port, folder=self.folder))
        runtime, told = "org.apache.flink.runtime", ("--configDir", self.folder)
        self.serve("jobmanager", f"{runtime}.entrypoint.StandaloneSessionClusterEntrypoint", *told)
        self.serve("taskmanager", f"{runtime}.taskexecutor.TaskManagerRunner", *told)
        self.wait("taskmanager", lambda: self._state()["slots-available"] == 2)

    def finished(self) -> int:
        """Return how many jobs came to a good end."""
        return self._state()["jobs-finished"]

    def _state(self) -> dict:
        return _asked(f"http://{self.address}/overview")


class JobServer(Servers):
    """Beam's server that takes pipelines, at `endpoint`, and gives them to a cluster."""

    def __init__(self, command: list[str], folder: Path, main: str, *arguments: object, **environment: str) -> None:
        super().__init__(command, folder, **environment)
        self._main, self._arguments = main, arguments

    def start(self) -> None:
        port = free_port()
        self.endpoint = f"127.0.0.1:{port}"
        at = ("--job-host", "127.0.0.1", "--job-port", port, "--artifact-port", 0, "--expansion-port", 0)
        self.serve("jobs", self._main, *at, "--artifacts-dir", self.folder / "artifacts", *self._arguments)
        self.wait("jobs", lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close() is None)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _asked(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]
