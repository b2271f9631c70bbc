"""`coldframe feed kafka` as a process, and what its project holds afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from typer.testing import CliRunner

from coldframe.cli import app
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

OPTIONS = 'kafka.options={ "session.timeout.ms" = 6000, "heartbeat.interval.ms" = 500 }'
"""A member that was killed is given up soon; the mock cluster lets no group begin within three seconds."""

DYING = """
import os, signal, sys
from coldframe.cli import main
from coldframe.feed import feeding, kafka, letters
from coldframe.store import sqlite
point, left = sys.argv.pop(1), int(sys.argv.pop(1))

def dying(owner, name):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        global left
        before = point == f"before {name}"
        left -= before
        if before and left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        left -= point == f"after {name}"
        if not before and left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, call)

dying(sqlite.SQLiteStore, "append_events")
dying(letters.DeadLetters, "keep")
dying(kafka.KafkaSource, "acknowledge")
dying(kafka.KafkaSource, "_committed")
main()
"""
"""Dies at its n-th pass of a point, counted from 0."""


def event(name, user="u"):
    return {
        "event_id": name,
        "user_id": user,
        "item_id": f"item of {name}",
        "event_type": "view",
        "timestamp": "2026-01-01T00:00:00Z",
    }


def environment():
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}


class FeedProject:
    """A project in a folder, fed from one topic."""

    def __init__(self, folder: Path, brokers: str, topic: str) -> None:
        assert CliRunner().invoke(app, ["init", str(folder)]).exit_code == 0
        self.data = folder / "coldframe-data"
        self.letters = self.data / "dead-letters" / f"{topic}.jsonl"
        config = ["--config", str(folder / "coldframe.toml"), "--set", OPTIONS]
        self._started: list[subprocess.Popen] = []
        self.words = ["feed", "kafka", "--brokers", brokers, "--topic", topic, *config]

    def start(self, *words, dying: tuple[str, int] | None = None) -> subprocess.Popen:
        program = ["-m", "coldframe"] if dying is None else ["-c", DYING, *map(str, dying)]
        command = [sys.executable, *program, *self.words, *words]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """Kill what a test that failed left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def once(self, *words, timeout=120):
        """Feed to the end of the topic and return the report."""
        process = self.start("--once", "--json", *words)
        code, out, err = finished(process, seconds=timeout)
        assert code == 0, err
        return json.loads(out)

    def stored(self) -> Counter:
        """Return how often each event_id is in the store."""
        with closing(SQLiteStore(self.data, Settings().store)) as store:
            return Counter(store.scan_events().collect()["event_id"].to_list())

    def kept(self) -> list[dict]:
        return [json.loads(line) for line in self.letters.read_bytes().splitlines()] if self.letters.exists() else []

    def wait_for(self, count, *, seconds=60):
        """Wait until the store holds so many events."""
        end = time.monotonic() + seconds
        while self.stored().total() < count:
            assert time.monotonic() < end, f"{self.stored().total()} of {count} events after {seconds} s"
            time.sleep(0.2)


def ended(process, number=signal.SIGTERM, *, seconds=30):
    """Send a signal and return exit code, stdout and stderr."""
    process.send_signal(number)
    return finished(process, seconds=seconds)


def finished(process, *, seconds=90):
    """Wait for the end and return exit code, stdout and stderr; kill what does not end in time."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, err
