"""`coldframe pipeline`: events → training rows on disk, for trainers of any kind."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.options import Json, Seed, Window, moment
from coldframe.cli.output import emit, facts, progress_bar, say
from coldframe.cli.project import open_project, require_extra

if TYPE_CHECKING:
    from coldframe.shards.plan import Plan
    from coldframe.shards.report import Progress, Report
    from coldframe.shards.writing import Sink

app = typer.Typer(no_args_is_help=True, help="Turn events into shuffled training rows: Parquet or TFRecord shards.")
STORE = "store"


class Engine(StrEnum):
    """Who computes."""

    LOCAL = "local"
    BEAM = "beam"
    SPARK = "spark"


class Kind(StrEnum):
    """What a shard is."""

    PARQUET = "parquet"
    TFRECORD = "tfrecord"


class Database(StrEnum):
    """Whose SQL is written."""

    DUCKDB = "duckdb"
    POSTGRESQL = "postgresql"
    BIGQUERY = "bigquery"


@app.command("sql")
def sql(
    ctx: typer.Context,
    dialect: Annotated[
        Database,
        typer.Option("--dialect", metavar="NAME", help="duckdb, postgresql or bigquery.", case_sensitive=False),
    ],
    table: Annotated[str, typer.Option("--table", metavar="NAME", help="A table with user_id, item_id and timestamp.")],
    items: Annotated[int, typer.Option("--items", min=1, metavar="N", help="Items that are drawn from.")],
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Print the query of the negatives' draws, for events that stay in a warehouse; it is not run.

    A row for each event, negative and attempt, with the random bits that `coldframe pipeline run` draws there.

    Example: `coldframe pipeline sql --dialect duckdb --table events --items 40000`
    """
    from coldframe.dataset.draws_sql import DIALECTS, draws_query, events_of
    from coldframe.dataset.negatives import negatives_per_positive

    settings = open_project(ctx).settings
    own = settings.training.seed if seed is None else seed
    chosen, ratio = DIALECTS[dialect.value], negatives_per_positive(items, settings)
    query = draws_query(chosen, events_of(chosen, table), seed=own, n_items=items, ratio=ratio)
    emit({"dialect": chosen.name, "query": query}) if json else typer.echo(f"{query};")


@app.command("run")
def run(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Option("--source", metavar="PATH", help="A file or folder of events, or `store`: the project's.")
    ],
    sink: Annotated[Path, typer.Option("--sink", metavar="FOLDER", help="Where the shards go; manifest last.")],
    as_of: Annotated[
        str,
        typer.Option("--as-of", metavar="TIME", help="End of the window, ISO 8601: a run can be repeated."),
    ],
    engine: Annotated[
        Engine,
        typer.Option("--engine", metavar="NAME", help="Who computes: local, beam or spark.", case_sensitive=False),
    ] = Engine.LOCAL,
    runner: Annotated[
        str, typer.Option("--runner", metavar="NAME", help="Beam's runner: FnApiRunner, FlinkRunner, SparkRunner, …")
    ] = "FnApiRunner",
    runner_options: Annotated[
        list[str] | None, typer.Option("--runner-option", metavar="TEXT", help="An option of Beam's; repeatable.")
    ] = None,
    master: Annotated[
        str, typer.Option("--master", metavar="URL", help="Spark's master: local[2], spark://host:7077, …")
    ] = "local[2]",
    kind: Annotated[
        Kind,
        typer.Option("--format", metavar="NAME", help="What a shard is: parquet or tfrecord.", case_sensitive=False),
    ] = Kind.PARQUET,
    window: Window = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Write one row for each event of the window and its negatives, shuffled by the seed.

    The same events, settings and seed give the same rows, whatever the files, their order or the threads.

    Example: `coldframe pipeline run --source events/ --sink rows/2026-06-01 --as-of 2026-06-01T00:00Z`
    """
    require_extra("pipeline")
    project = open_project(ctx)
    keep_compiled(project.data)
    from coldframe.shards.plan import Plan
    from coldframe.shards.source import event_files
    from coldframe.shards.writing import Sink

    end = moment(as_of)
    plan = Plan.of(project.settings, as_of=end, days=window, seed=seed)
    with _source(ctx, source, end) as path, progress_bar(quiet=json) as show:
        how = _Engines(engine, runner, runner_options or (), master, project.settings.training.threads)
        report = how.run(event_files(path), Sink(sink, kind.value), plan, show)
    if json:
        emit(report)
        return
    counts = {"events read": report.read, "counted twice": report.repeated, "rows": report.rows}
    facts(counts | {"users": report.users, "items": report.items, "fingerprint": report.fingerprint})
    facts(report.rejected, title="rejected") if report.rejected else None
    facts({f"seconds: {step}": seconds for step, seconds in report.seconds.items()})
    say(f"{sink} holds {report.rows:,} rows ({engine.value}).")


class _Engines(NamedTuple):
    """Who computes, and what he is told."""

    engine: Engine
    runner: str
    options: Sequence[str]
    master: str
    threads: int

    def run(self, files: "Sequence[Path]", sink: "Sink", plan: "Plan", show: "Progress") -> "Report":
        if self.engine is Engine.BEAM:
            from coldframe.shards.beam import run_beam

            return run_beam(files, sink, plan, runner=self.runner, options=self.options, progress=show)
        if self.engine is Engine.SPARK:
            from coldframe.shards.spark import run_spark

            return run_spark(files, sink, plan, master=self.master, progress=show)
        from coldframe.shards.local import run_local

        return run_local(files, sink, plan, threads=self.threads, progress=show)


@contextmanager
def _source(ctx: typer.Context, source: str, end: datetime) -> Generator[Path]:
    """Yield the path to read: the one given, or the store's events as a file of their own for as long as it takes."""
    if source != STORE:
        yield Path(source)
        return
    with TemporaryDirectory(prefix="coldframe-") as folder, open_project(ctx).store() as store:
        path = Path(folder) / "events.parquet"
        store.scan_events(end=end).sink_parquet(path)
        yield path
