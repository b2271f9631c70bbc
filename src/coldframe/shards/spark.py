"""The engine on Apache Spark: the job's steps over RDDs of bytes, on this machine or a cluster.

An element is a file's name, or the columns of a part or shard of events; never one event. What every worker must know
is broadcast. Owns the order of Spark's jobs. Never opens a file of events itself, never decides what a row is.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from coldframe.errors import InputError
from coldframe.shards.dealing import USUAL, Sizes
from coldframe.shards.job import Job, all_counts, all_names, with_an_event
from coldframe.shards.plan import Plan
from coldframe.shards.report import Progress, Report, Watch
from coldframe.shards.wire import Told, heard
from coldframe.shards.writing import Sink


def run_spark(
    files: Sequence[Path],
    sink: Sink,
    plan: Plan,
    *,
    master: str,
    progress: Progress,
    options: Mapping[str, str] | None = None,
    sizes: Sizes = USUAL,
) -> Report:
    """Return what a run did, its rows published in the sink: the bytes that `run_local` writes.

    `master` is local[N] or a cluster's spark://host:port; `options` are Spark's own (`spark.executor.memory`, …). Files
    and sink must lie where every worker sees them; workers run this Python, or that of PYSPARK_PYTHON. Raises what
    `run_local` raises, and `InputError` without PySpark.
    """
    with _context(master, options or {}) as (context, failures):
        sink.open()
        job, watch = Job(Sink(sink.folder.absolute(), sink.format), plan, sizes), Watch(progress)
        try:
            return _Steps(context, job, watch).run([str(path.absolute()) for path in files])
        except failures as error:
            if (told := heard(str(error))) is None:
                raise
            raise told from error


class _Steps:
    """Spark's jobs in order."""

    def __init__(self, context: Any, job: Job, watch: Watch) -> None:
        self._context, self._job, self._watch = context, job, watch

    def run(self, files: list[str]) -> Report:
        """Return the report of the published run."""
        job, shared = self._job, self._context.broadcast
        paths = self._context.parallelize(files, len(files))
        names = with_an_event(all_names(self._step("names", paths.map(job.names))))
        known = shared(names)
        scattered = paths.flatMap(partial(_with, job.scattered, known))
        parts = scattered.groupByKey(job.sizes.parts(job.n_events(names)))
        settled = parts.map(partial(_with, job.settled, known)).persist(_disk())
        counts = all_counts(self._step("settle", settled.map(partial(_with, job.counted, known))))
        dealt = settled.flatMap(partial(_with, job.dealt, known, shared(counts)))
        rows = dealt.union(self._context.parallelize(list(job.empty(names)), 1)).groupByKey(job.n_shards(names))
        written = self._step("write", rows.map(partial(_with, job.written, known)))
        settled.unpersist()
        return job.published(names, counts, written, engine="spark", seconds=self._watch.seconds)

    def _step(self, name: str, work: Any) -> Iterable[bytes]:
        """Return what a step made."""
        return self._watch.step(name, _collected(work), 1)[0]


def _collected(work: Any) -> Iterator[list[bytes]]:
    yield work.collect()


def _with(step: Callable[..., Any], *known: Any) -> Any:
    """Do a step on its element, which comes last, with what was broadcast."""
    *shared, element = known
    return step(element, *(one.value for one in shared))


def _disk() -> Any:
    from pyspark import StorageLevel  # pyright: ignore[reportMissingImports]

    return StorageLevel.DISK_ONLY


@contextmanager
def _context(master: str, options: Mapping[str, str]) -> Generator[tuple[Any, Any]]:
    """Yield a context of our own, and the errors that Spark's jobs end with."""
    try:
        from py4j.protocol import Py4JJavaError  # pyright: ignore[reportMissingImports]
        from pyspark import SparkConf, SparkContext  # pyright: ignore[reportMissingImports]
        from pyspark.errors import PySparkException  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("PySpark is not installed.", remedy="pip install 'coldframe[spark]'") from error
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.app.name": "coldframe shards",
        **options,
    }
    context = SparkContext(conf=SparkConf().setMaster(master).setAll(list(settings.items())))
    context.pythonExec = os.environ.get("PYSPARK_PYTHON", sys.executable)
    try:
        yield context, (Py4JJavaError, PySparkException, Told)
    finally:
        context.stop()
