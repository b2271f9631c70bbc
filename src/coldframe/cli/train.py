"""`coldframe train`: events → a bundle, in named steps."""

from time import perf_counter
from typing import Annotated

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.options import AsOf, Json, Seed, TimeBudget, Window, moment
from coldframe.cli.output import emit, facts, progress_bar, say
from coldframe.cli.project import open_project, require_extra


def train(
    ctx: typer.Context,
    as_of: AsOf = None,
    window: Window = None,
    seed: Seed = None,
    time_budget: TimeBudget = None,
    promote: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Let the new bundle serve at once, or only keep it.")
    ] = True,
    json: Json = False,
) -> None:
    """Train the experts and the mixer on the window and publish one bundle.

    The same data, seed and settings give the same bytes; with a time budget, where the same things were left out. What
    was left out stands in the manifest; a budget too small for the least ends with exit code 9 and changes nothing. Two
    trainings never run at once: while another one runs, this ends with exit code 5 and names it.

    Example: `coldframe train --window 90 --seed 7`
    """
    began = perf_counter()
    require_extra("train")
    project = open_project(ctx)
    keep_compiled(project.data)
    from coldframe.clock import system_clock
    from coldframe.schedule import training
    from coldframe.schedule.trainer import sigterm_interrupts
    from coldframe.settings import with_value

    settings = project.settings if seed is None else with_value(project.settings, "training.seed", seed)
    if time_budget is not None:
        settings = with_value(settings, "training.time_budget_minutes", time_budget)
    with sigterm_interrupts(), project.store() as store, progress_bar(quiet=json) as show:
        result, run = training.train(
            store,
            project.registry(),
            settings,
            command="coldframe train",
            promote=promote,
            as_of=moment(as_of) if as_of else None,
            window_days=window,
            clock=system_clock,
            progress=show,
            spent=perf_counter() - began,
        )
    if json:
        emit({"result": result, "promoted": promote, "run": run})
        return
    facts({"bundle": result.bundle, **result.counts, "serves": result.serves, "because": result.reason})
    facts(result.metrics, title="NDCG@10 on later requests")
    facts({f"seconds: {step}": seconds for step, seconds in result.seconds.items()})
    if result.left_out:
        say(f"No time for: {', '.join(result.left_out)}.")
    say(f"{result.bundle} serves now." if promote else f"Next: coldframe models promote {result.bundle}")
