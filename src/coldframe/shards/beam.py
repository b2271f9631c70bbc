"""The engine on Apache Beam: the job's steps as one pipeline, for whatever runner Beam is given.

An element is a file's name, or the columns of a part or shard of events; never one event. What every worker must know
travels as side inputs. Owns the graph. Never opens a file of events itself, never decides what a row is.
"""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from coldframe.errors import InputError
from coldframe.shards.dealing import USUAL, Sizes
from coldframe.shards.job import Job, Numbered, all_counts, all_names, with_an_event
from coldframe.shards.local import scratch
from coldframe.shards.plan import Plan
from coldframe.shards.report import Progress, Report, Watch
from coldframe.shards.wire import heard, packed, unpacked
from coldframe.shards.writing import Sink


def run_beam(
    files: Sequence[Path],
    sink: Sink,
    plan: Plan,
    *,
    runner: str,
    options: Sequence[str],
    progress: Progress,
    sizes: Sizes = USUAL,
) -> Report:
    """Return what a run did, its rows published in the sink: the bytes that `run_local` writes.

    `runner` is Beam's name for it (FnApiRunner, FlinkRunner, SparkRunner, DataflowRunner); `options` are its command
    line, for example `--direct_running_mode=multi_processing --direct_num_workers=2`. Files and sink must lie where
    every worker sees them. Raises what `run_local` raises, and `InputError` for DaskRunner or without Beam.
    """
    _refuse_dask(runner, options)
    beam = _beam()
    sink.open()
    job, watch = Job(Sink(sink.folder.absolute(), sink.format), plan, sizes), Watch(progress)
    with scratch(job.sink.folder) as folder:
        answer = folder / "answer"
        try:
            watch.step(
                "pipeline", _runs(beam, [str(path.absolute()) for path in files], job, answer, runner, options), 1
            )
        except RuntimeError as error:
            if (told := heard(str(error))) is None:
                raise
            raise told from error
        found = unpacked(answer.read_bytes())
        names, counts = (found[name][0].as_py() for name in ("names", "counts"))
        return job.published(names, counts, found["written"].to_pylist(), engine="beam", seconds=watch.seconds)


def _refuse_dask(runner: str, options: Sequence[str]) -> None:
    if re.search(r"(^|[=.\s])dask(runner)?\b", " ".join((runner, *options)), re.IGNORECASE):
        raise InputError(
            "DaskRunner loses data: what a bundle yields at its end, and all outputs of a step but one.",
            remedy="Use FnApiRunner, FlinkRunner, SparkRunner or DataflowRunner.",
        )


def _beam() -> Any:
    try:
        import apache_beam  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("Apache Beam is not installed.", remedy="pip install 'coldframe[beam]'") from error
    return apache_beam


def _runs(beam: Any, files: list[str], job: Job, answer: Path, runner: str, options: Sequence[str]) -> Any:
    """Yield once, when the pipeline is done."""
    from apache_beam.options.pipeline_options import PipelineOptions  # pyright: ignore[reportMissingImports]

    with beam.Pipeline(options=PipelineOptions([f"--runner={runner}", *options])) as pipeline:
        _graph(beam, pipeline, files, job, answer)
    yield runner


def _graph(beam: Any, pipeline: Any, files: list[str], job: Job, answer: Path) -> None:
    one = beam.pvalue.AsSingleton
    paths = pipeline | "files" >> beam.Create(files) | "spread" >> beam.Reshuffle()
    found = paths | "names" >> beam.Map(job.names) | "all names" >> beam.CombineGlobally(all_names).without_defaults()
    names = one(found | "an event" >> beam.Map(with_an_event))
    settled = (
        paths
        | "scattered" >> beam.FlatMap(job.scattered, names=names).with_output_types(Numbered)
        | "parts" >> beam.GroupByKey()
        | "settled" >> beam.Map(job.settled, names=names).with_output_types(Numbered)
    )
    counted = settled | "counted" >> beam.Map(job.counted, names=names)
    counts = one(counted | "all counts" >> beam.CombineGlobally(all_counts).without_defaults())
    dealt = settled | "dealt" >> beam.FlatMap(job.dealt, names=names, counts=counts).with_output_types(Numbered)
    start = pipeline | "start" >> beam.Create([0])
    empty = start | "empty" >> beam.FlatMap(_empty, job, names=names).with_output_types(Numbered)
    shards = (dealt, empty) | "rows" >> beam.Flatten() | "shards" >> beam.GroupByKey()
    written = beam.pvalue.AsIter(shards | "written" >> beam.Map(job.written, names=names))
    _ = start | "answer" >> beam.Map(partial(_answered, str(answer)), names=names, counts=counts, written=written)


def _empty(_: int, job: Job, names: bytes) -> Any:
    return job.empty(names)


def _answered(answer: str, _: int, names: bytes, counts: bytes, written: Iterable[bytes]) -> None:
    """Leave for the driver what it publishes: a pipeline itself has no answer."""
    whole = Path(f"{answer}.tmp")
    whole.write_bytes(packed(names=[names], counts=[counts], written=list(written)))
    whole.replace(answer)
