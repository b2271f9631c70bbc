"""Beam's jobs on clusters write the bytes that one machine writes: on Flink's servers and on Spark's.

Beam runs in the version of its job servers, and in the newer one that the engines are tested with.
"""

from contextlib import contextmanager

import pytest
from clusters import Flink, JobServer, Spark, java
from engine_process import ROOT, World, require, require_java, told
from shard_worlds import crowd, write

pytestmark = [pytest.mark.runners, pytest.mark.slow]
HOME = ROOT / ".venv-runners"
EVENTS, REPEATED = 20_000, 100
VERSION_OF_THE_SERVERS, NEWER = "runners", "engines"


@contextmanager
def flink(folder):
    """A cluster that the job server hears of from the pipeline alone."""
    command = java(HOME / "flink" / "jars")
    main = "org.apache.beam.runners.flink.FlinkJobServerDriver"
    with Flink(command, folder) as cluster, JobServer(command, folder, main) as jobs:
        yield cluster, ("FlinkRunner", f"--job_endpoint={jobs.endpoint}", f"--flink_master={cluster.address}")


@contextmanager
def spark(folder):
    """A cluster that the job server knows."""
    command = java(HOME / "spark" / "jars", "-Dspark.executor.memory=512m")
    main = "org.apache.beam.runners.spark.SparkJobServerDriver"
    home = {"SPARK_HOME": str(HOME / "spark"), "SPARK_SCALA_VERSION": "2.12"}
    with (
        Spark(command, folder, **home) as cluster,
        JobServer(command, folder, main, "--spark-master-url", cluster.url, **home) as jobs,
    ):
        yield cluster, ("SparkRunner", f"--job_endpoint={jobs.endpoint}")


@pytest.fixture(scope="module", params=[flink, spark], ids=["flink", "spark"])
def cluster(request, tmp_path_factory):
    require(HOME.name, "runners")
    require_java()
    with request.param(tmp_path_factory.mktemp("cluster")) as (one, options):
        yield one, (*options, "--environment_type=LOOPBACK")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rows = crowd(EVENTS, users=300, items=100)
    return write(tmp_path_factory.mktemp("world") / "log", [*rows, *rows[:REPEATED]], files=5)


@pytest.mark.parametrize("environment", [VERSION_OF_THE_SERVERS, NEWER])
def test_a_cluster_writes_what_one_machine_writes(source, cluster, environment, tmp_path):
    servers, options = cluster
    world = World.of(require(f".venv-{environment}", environment), source, tmp_path)
    assert (world.report["read"], world.report["repeated"]) == (EVENTS + REPEATED, REPEATED)
    before = servers.finished()
    report, _ = told(world.started(tmp_path / "out", "beam", *options))
    world.same(tmp_path / "out", report)
    assert servers.finished() == before + 1


def test_a_half_written_file_is_named_and_nothing_is_published(source, cluster, tmp_path):
    world = World.of(require(HOME.name, "runners"), source, tmp_path / "whole")
    world.names_a_half_written_file(tmp_path, "beam", *cluster[1])
