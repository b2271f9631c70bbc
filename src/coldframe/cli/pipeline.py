"""`coldframe pipeline`: events → training rows on disk, for trainers of any kind."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.options import Columns, Constant, Json, Seed, Window, moment, pairs
from coldframe.cli.output import StepProgress, emit, facts, progress_bar, say
from coldframe.cli.project import open_project, require_extra
from coldframe.cli.sources import Query, Table, copied, require_no_database

if TYPE_CHECKING:
    from coldframe.shards.plan import Plan
    from coldframe.shards.report import Progress, Report
    from coldframe.shards.writing import Sink
    from coldframe.sources.asked import Asked

app = typer.Typer(no_args_is_help=True, help="Turn events into shuffled training rows: Parquet or TFRecord shards.")
STORE = "store"
COPY = ".source"
"""Folder in the sink for copies of what lies elsewhere: every worker that sees the sink sees them."""
ROWS_PER_FILE = 1 << 20
"""Of a copied database: several files, so that several threads read."""


class Engine(StrEnum):
    """Who computes."""

    LOCAL = "local"
    BEAM = "beam"
    SPARK = "spark"


class Kind(StrEnum):
    """What a shard is."""

    PARQUET = "parquet"
    TFRECORD = "tfrecord"


Source = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="PATH",
        help="A file or folder of events, here or at a URL (s3://…, gs://…); `store`: the project's; postgresql://… or "
        "bigquery://….",
    ),
]
End = Annotated[
    str, typer.Option("--as-of", metavar="TIME", help="End of the window, ISO 8601: a run can be repeated.")
]
EngineName = Annotated[
    Engine,
    typer.Option("--engine", metavar="NAME", help="Who computes: local, beam or spark.", case_sensitive=False),
]
Runner = Annotated[
    str, typer.Option("--runner", metavar="NAME", help="Beam's runner: FnApiRunner, FlinkRunner, SparkRunner, …")
]
OnlyWindow = Annotated[
    bool, typer.Option("--only-window", help="Leave a database's events from before the window where they are.")
]


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
    source: Source,
    sink: Annotated[Path, typer.Option("--sink", metavar="FOLDER", help="Where the shards go; manifest last.")],
    as_of: End,
    engine: EngineName = Engine.LOCAL,
    runner: Runner = "FnApiRunner",
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
    columns: Columns = None,
    constant: Constant = None,
    table: Table = None,
    query: Query = None,
    only_window: OnlyWindow = False,
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
    from coldframe.shards.writing import Sink

    renamed, constants = pairs(columns, option="--columns"), pairs(constant, option="--constant")
    plan = Plan.of(project.settings, as_of=moment(as_of), days=window, seed=seed, columns=renamed, constants=constants)
    asked, rows = _asked(plan, table, query, only_window), Sink(sink, kind.value)
    how = _Engines(engine, runner, runner_options or (), master, project.settings.training.threads)
    with progress_bar(quiet=json) as show, _files(ctx, source, rows, asked, show) as files:
        report = how.run(files, rows, plan, show)
    emit(report) if json else _print(report, sink)


def _print(report: "Report", sink: Path) -> None:
    counts = {"events read": report.read, "counted twice": report.repeated, "rows": report.rows}
    facts(counts | {"users": report.users, "items": report.items, "fingerprint": report.fingerprint})
    facts(report.rejected, title="rejected") if report.rejected else None
    facts({f"seconds: {step}": seconds for step, seconds in report.seconds.items()})
    say(f"{sink} holds {report.rows:,} rows ({report.engine}).")


def _asked(plan: "Plan", table: str | None, query: str | None, only_window: bool) -> "Asked":
    """Return what a run wants of a source that is no file: events before its end, and after its start if asked."""
    from coldframe.shards.source import ENDINGS, WANTED
    from coldframe.sources.asked import Asked

    start, end = (datetime.fromtimestamp(micros / 1e6, UTC) for micros in (plan.start, plan.as_of))
    return Asked(
        WANTED,
        plan.columns,
        plan.constants,
        table=table,
        query=query,
        endings=ENDINGS,
        start=start if only_window else None,
        end=end,
    )


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
def _files(
    ctx: typer.Context, source: str, sink: "Sink", asked: "Asked", show: StepProgress
) -> "Generator[list[Path]]":
    """Yield the files to read: those that are given, or copies for as long as it takes."""
    from coldframe.shards.source import event_files
    from coldframe.sources.address import is_address
    from coldframe.sources.stage import forget

    copy = sink.folder / COPY
    if is_address(source):
        sink.open()
        with copied(source, copy, asked, show, rows_per_file=ROWS_PER_FILE) as found:
            yield [path for _, path in found]
        return
    require_no_database(source, table=asked.table, query=asked.query, only_window=asked.start)
    forget(copy)
    if source != STORE:
        yield event_files(source)
        return
    with TemporaryDirectory(prefix="coldframe-") as folder, open_project(ctx).store() as store:
        path = Path(folder) / "events.parquet"
        store.scan_events(end=asked.end).sink_parquet(path)
        yield [path]
