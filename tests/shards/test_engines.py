"""Every engine writes the bytes that one machine writes: Beam and Spark, with many workers, even when one dies."""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from clusters import Cluster
from shard_worlds import PLAN, SMALL, crowd, run, write

from coldframe.errors import InputError
from coldframe.shards.beam import run_beam
from coldframe.shards.spark import run_spark
from coldframe.shards.writing import Sink

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-engines" / "bin" / "python"
SCRIPT = Path(__file__).with_name("engine_run.py")
IN_MEMORY = ("beam", "FnApiRunner")
TWO_PROCESSES = (*IN_MEMORY, "--direct_running_mode=multi_processing", "--direct_num_workers=2")
TWO_THREADS = ("spark", "local[2]")
ON_CLUSTER = ("spark.cores.max=2", "spark.executor.memory=512m", "spark.scheduler.minRegisteredResourcesRatio=1")


def started(source, sink, engine, *options):
    """An engine at work in its own environment."""
    paths = os.pathsep.join([str(ROOT / "src"), str(SCRIPT.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONWARNINGS": "ignore"}
    command = [PYTHON, SCRIPT, engine, source, sink, *options]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process):
    """What an engine says at its end, and its log."""
    said, log = process.communicate()
    assert process.returncode == 0, log
    return json.loads(said.splitlines()[-1]), log


@pytest.fixture(scope="module")
def engines():
    if not list(PYTHON.parents[1].glob(".installed-*")):
        pytest.skip("there is no .venv-engines: make engines")


@pytest.fixture
def java():
    if not shutil.which("java"):
        pytest.skip("Spark needs Java, and there is none")


@pytest.fixture(scope="module")
def world(engines, tmp_path_factory):
    """A log that tells some events twice, and the folder that the local engine made of it in the same environment."""
    folder = tmp_path_factory.mktemp("world")
    rows = crowd()
    source = write(folder / "log", [*rows, *rows[:100]], files=5)
    report, _ = told(started(source, folder / "local", "local"))
    assert report["fingerprint"] == run(source, folder / "here", sizes=SMALL).fingerprint
    assert report["repeated"] == 100
    return source, folder / "local", report


def same(world, sink, report):
    """The same facts and the same files, to the byte, and nothing else."""
    _, local, expected = world
    own = ("engine", "seconds")
    assert {name: report[name] for name in report if name not in own} == {
        name: expected[name] for name in expected if name not in own
    }
    assert len(list(local.glob("shard-*"))) > 3
    assert {path.name: path.read_bytes() for path in sink.iterdir()} == {
        path.name: path.read_bytes() for path in local.iterdir()
    }


@pytest.mark.engines
@pytest.mark.parametrize("engine", [IN_MEMORY, TWO_PROCESSES], ids=["in memory", "two processes"])
def test_beam_writes_what_one_machine_writes(world, tmp_path, engine):
    report, _ = told(started(world[0], tmp_path / "out", *engine))
    assert report["engine"] == "beam"
    same(world, tmp_path / "out", report)


@pytest.mark.engines
@pytest.mark.usefixtures("java")
def test_spark_writes_what_one_machine_writes(world, tmp_path):
    report, _ = told(started(world[0], tmp_path / "out", *TWO_THREADS))
    assert report["engine"] == "spark"
    same(world, tmp_path / "out", report)


@pytest.fixture
def cluster(engines, java, tmp_path):
    code = "import pyspark; print(pyspark.__path__[0])"
    home = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    with Cluster(Path(home) / "bin" / "spark-class", tmp_path) as one:
        yield one


@pytest.mark.engines
def test_a_cluster_writes_what_one_machine_writes(world, cluster, tmp_path):
    report, _ = told(started(world[0], tmp_path / "out", "spark", cluster.url, *ON_CLUSTER))
    same(world, tmp_path / "out", report)


@pytest.mark.engines
@pytest.mark.slow
def test_a_worker_that_dies_halfway_leaves_no_trace(world, cluster, tmp_path):
    process = started(world[0], tmp_path / "out", "spark", cluster.url, *ON_CLUSTER)
    before = []
    while (line := process.stderr.readline()) and not line.endswith("write 0 1\n"):
        before.append(line)
    assert line, "".join(before)
    cluster.kill_a_worker()
    report, log = told(process)
    assert "Lost executor" in log
    same(world, tmp_path / "out", report)


@pytest.mark.engines
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("engine", [IN_MEMORY, TWO_PROCESSES, TWO_THREADS], ids=["in memory", "processes", "spark"])
def test_a_half_written_file_is_named_and_nothing_is_published(world, tmp_path, engine):
    shutil.copytree(world[0], tmp_path / "log")
    broken = tmp_path / "log" / "events-1.parquet"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(InputError, match="events-1") as expected:
        run(tmp_path / "log", tmp_path / "here")
    answer, _ = told(started(tmp_path / "log", tmp_path / "out", *engine))
    assert answer["error"] == "InputError"
    assert answer["message"].split(":")[0] == str(expected.value).split(":")[0]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.engines
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("engine", [IN_MEMORY, TWO_THREADS], ids=["beam", "spark"])
def test_without_an_event_there_is_nothing_to_publish(engines, tmp_path, engine):
    source = write(tmp_path / "log", [{**one, "user_id": None} for one in crowd(20)])
    answer, _ = told(started(source, tmp_path / "out", *engine))
    assert answer["error"] == "DataError"
    assert list((tmp_path / "out").iterdir()) == []


def quietly(*_):
    """Nobody watches."""


@pytest.mark.parametrize("runner", ["DaskRunner", "dask", "apache_beam.runners.dask.dask_runner.DaskRunner"])
def test_dask_is_refused_by_name(tmp_path, runner):
    sink = Sink(tmp_path / "out", "parquet")
    with pytest.raises(InputError, match="DaskRunner loses data"):
        run_beam([], sink, PLAN, runner=runner, options=(), progress=quietly)
    with pytest.raises(InputError, match="DaskRunner loses data"):
        run_beam([], sink, PLAN, runner="FnApiRunner", options=["--runner", runner], progress=quietly)
    assert not sink.folder.exists()


@pytest.mark.skipif(bool(importlib.util.find_spec("apache_beam")), reason="Beam is installed here")
def test_without_beam_the_error_says_what_to_install(tmp_path):
    with pytest.raises(InputError, match=r"pip install 'coldframe\[beam\]'"):
        run_beam([], Sink(tmp_path, "parquet"), PLAN, runner="FnApiRunner", options=(), progress=quietly)


@pytest.mark.skipif(bool(importlib.util.find_spec("pyspark")), reason="PySpark is installed here")
def test_without_spark_the_error_says_what_to_install(tmp_path):
    with pytest.raises(InputError, match=r"pip install 'coldframe\[spark\]'"):
        run_spark([], Sink(tmp_path, "parquet"), PLAN, master="local[1]", progress=quietly)
