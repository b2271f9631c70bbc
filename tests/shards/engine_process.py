"""An engine at work in an environment of its own, and what it must leave: the bytes of the local engine there."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from shard_worlds import SMALL, run

from coldframe.errors import InputError

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("engine_run.py")


def require(environment, make):
    """Return an environment's Python, or skip."""
    if not list((ROOT / environment).glob(".installed-*")):
        pytest.skip(f"there is no {environment}: make {make}")
    return ROOT / environment / "bin" / "python"


def require_java():
    """Skip the test where a cluster cannot start."""
    if not shutil.which("java"):
        pytest.skip("Flink and Spark need Java, and there is none")


class World(NamedTuple):
    """A log, and what the local engine made of it in an environment, to which every engine there is compared."""

    python: Path
    source: Path
    local: Path
    report: dict

    @classmethod
    def of(cls, python, source, folder):
        """The world of a log. In every environment the local engine makes the same rows."""
        report, _ = told(started(python, source, folder / "local", "local"))
        assert report["fingerprint"] == run(source, folder / "here", sizes=SMALL).fingerprint
        return cls(python, source, folder / "local", report)

    def started(self, sink, engine, *options):
        """An engine at work on the log."""
        return started(self.python, self.source, sink, engine, *options)

    def same(self, sink, report):
        """The same facts and the same files, to the byte, and nothing else."""
        own = ("engine", "seconds")
        assert {name: report[name] for name in report if name not in own} == {
            name: self.report[name] for name in self.report if name not in own
        }
        assert len(list(self.local.glob("shard-*"))) > 3
        assert {path.name: path.read_bytes() for path in sink.iterdir()} == {
            path.name: path.read_bytes() for path in self.local.iterdir()
        }

    def names_a_half_written_file(self, folder, engine, *options):
        """Run on a log of which one file ends early: the same error as anywhere, and nothing is published."""
        shutil.copytree(self.source, folder / "log")
        broken = folder / "log" / "events-1.parquet"
        broken.write_bytes(broken.read_bytes()[:-200])
        with pytest.raises(InputError, match="events-1") as expected:
            run(folder / "log", folder / "here")
        answer, _ = told(started(self.python, folder / "log", folder / "out", engine, *options))
        assert answer["error"] == "InputError"
        assert answer["message"].split(":")[0] == str(expected.value).split(":")[0]
        assert list((folder / "out").iterdir()) == []


def started(python, source, sink, engine, *options):
    """An engine at work."""
    paths = os.pathsep.join([str(ROOT / "src"), str(SCRIPT.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONWARNINGS": "ignore"}
    command = [python, SCRIPT, engine, source, sink, *options]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process):
    """What an engine says at its end, and its log."""
    said, log = process.communicate()
    assert process.returncode == 0, log
    return json.loads(said.splitlines()[-1]), log
