"""`coldframe run`: the HTTP service, and a new model every few hours, on one machine."""

from typing import Annotated

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.options import Host, Json, Port, TimeBudget, Workers
from coldframe.cli.project import open_project, require_extra
from coldframe.cli.serve import pages, served_with, tell_address


def run(
    ctx: typer.Context,
    port: Port = None,
    host: Host = None,
    workers: Workers = None,
    every: Annotated[
        float | None,
        typer.Option("--every", metavar="HOURS", help="Hours between trainings (default: schedule.every_hours)."),
    ] = None,
    time_budget: TimeBudget = None,
    json: Json = False,
) -> None:
    """Serve as `coldframe serve` does and train every schedule.every_hours, until interrupted.

    At start it trains at once if the last training is older than that, or if there is none. Training happens in a
    process of its own with lowered priority; the service takes up each new bundle by itself. A training that fails is
    logged, the last bundle keeps serving, and the next try comes after schedule.retry_minutes. An orderly stop ends the
    trainer too and exits with 0.

    Example: `coldframe run --port 8000`
    """
    project = open_project(ctx)
    project.require_data()
    require_extra("train")
    keep_compiled(project.data)
    from coldframe.schedule.scheduler import Scheduler
    from coldframe.serving.server import serve as serve_http
    from coldframe.settings import with_value

    settings = served_with(project.settings, port, host, workers)
    if every is not None:
        settings = with_value(settings, "schedule.every_hours", every)
    if time_budget is not None:
        settings = with_value(settings, "training.time_budget_minutes", time_budget)
    scheduler = Scheduler(settings, project.data)

    def listening(address: str) -> None:
        tell_address(address, json=json)
        scheduler.begin()

    try:
        serve_http(settings, project.data, on_listening=listening, extra_handlers=pages)
    finally:
        scheduler.stop()
