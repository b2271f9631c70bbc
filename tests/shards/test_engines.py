"""Every engine writes the bytes that one machine writes: Beam and Spark, with many workers, even when one dies."""

import importlib.util
import subprocess

import pytest
from clusters import Spark
from engine_process import World, require, require_java, started, told
from shard_worlds import PLAN, crowd, write

from coldframe.errors import InputError
from coldframe.shards.beam import run_beam
from coldframe.shards.spark import run_spark
from coldframe.shards.writing import Sink

IN_MEMORY = ("beam", "FnApiRunner")
TWO_PROCESSES = (*IN_MEMORY, "--direct_running_mode=multi_processing", "--direct_num_workers=2")
TWO_THREADS = ("spark", "local[2]")
ON_CLUSTER = ("spark.cores.max=2", "spark.executor.memory=512m", "spark.scheduler.minRegisteredResourcesRatio=1")


@pytest.fixture(scope="module")
def python():
    return require(".venv-engines", "engines")


@pytest.fixture
def java():
    require_java()


@pytest.fixture(scope="module")
def world(python, tmp_path_factory):
    """A log that tells some events twice."""
    folder = tmp_path_factory.mktemp("world")
    rows = crowd()
    found = World.of(python, write(folder / "log", [*rows, *rows[:100]], files=5), folder)
    assert found.report["repeated"] == 100
    return found


@pytest.mark.engines
@pytest.mark.parametrize("engine", [IN_MEMORY, TWO_PROCESSES], ids=["in memory", "two processes"])
def test_beam_writes_what_one_machine_writes(world, tmp_path, engine):
    report, _ = told(world.started(tmp_path / "out", *engine))
    assert report["engine"] == "beam"
    world.same(tmp_path / "out", report)


@pytest.mark.engines
@pytest.mark.usefixtures("java")
def test_spark_writes_what_one_machine_writes(world, tmp_path):
    report, _ = told(world.started(tmp_path / "out", *TWO_THREADS))
    assert report["engine"] == "spark"
    world.same(tmp_path / "out", report)


@pytest.fixture
def cluster(python, java, tmp_path):
    code = "import pyspark; print(pyspark.__path__[0])"
    home = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    with Spark([f"{home}/bin/spark-class"], tmp_path, SPARK_DAEMON_MEMORY="256m") as one:
        yield one


@pytest.mark.engines
def test_a_cluster_writes_what_one_machine_writes(world, cluster, tmp_path):
    report, _ = told(world.started(tmp_path / "out", "spark", cluster.url, *ON_CLUSTER))
    world.same(tmp_path / "out", report)


@pytest.mark.engines
@pytest.mark.slow
def test_a_worker_that_dies_halfway_leaves_no_trace(world, cluster, tmp_path):
    process = world.started(tmp_path / "out", "spark", cluster.url, *ON_CLUSTER)
    before = []
    while (line := process.stderr.readline()) and not line.endswith("write 0 1\n"):
        before.append(line)
    assert line, "".join(before)
    cluster.kill_a_worker()
    report, log = told(process)
    assert "Lost executor" in log
    world.same(tmp_path / "out", report)


@pytest.mark.engines
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("engine", [IN_MEMORY, TWO_PROCESSES, TWO_THREADS], ids=["in memory", "processes", "spark"])
def test_a_half_written_file_is_named_and_nothing_is_published(world, tmp_path, engine):
    world.names_a_half_written_file(tmp_path, *engine)


@pytest.mark.engines
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("engine", [IN_MEMORY, TWO_THREADS], ids=["beam", "spark"])
def test_without_an_event_there_is_nothing_to_publish(python, tmp_path, engine):
    source = write(tmp_path / "log", [{**one, "user_id": None} for one in crowd(20)])
    answer, _ = told(started(python, source, tmp_path / "out", *engine))
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
