"""`coldframe demo`: a real shop, from shipped files to a page, in one command."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.init import write_project
from coldframe.cli.options import Json, Port
from coldframe.cli.output import StepProgress, emit, line, progress_bar, say, table
from coldframe.cli.project import Project, project_at

if TYPE_CHECKING:
    from coldframe.demo.measuring import Measured


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Where the project goes.", file_okay=False)
    ] = Path("demo"),
    port: Port = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve at the end, or only get ready.")] = True,
    json: Json = False,
) -> None:
    """Import two years of a real shop's orders, train, measure by warmth, and serve a page that shows why.

    A second run takes up what the first one left. The data comes with coldframe; nothing is fetched.

    Example: `coldframe demo --port 8000`
    """
    from coldframe.settings import FILE_NAME, with_value

    if not (folder / FILE_NAME).exists():
        write_project(folder)
    project = project_at(ctx, folder / FILE_NAME)
    keep_compiled(project.data)
    started = perf_counter()
    with progress_bar(quiet=json) as show:
        bundle, measured = _prepare(project, show)
    result = {
        "folder": str(folder),
        "bundle": bundle,
        "seconds": round(perf_counter() - started, 1),
        "quality": measured,
    }
    if not json:
        _show_quality(measured)
        say(f"{folder} is ready after {result['seconds']:g} s.")
    if not serve:
        _finish(result, None, json=json)
        return
    from coldframe.demo.page import demo_pages
    from coldframe.serving.server import serve as serve_http

    settings = project.settings if port is None else with_value(project.settings, "serving.port", port)
    serve_http(
        settings,
        project.data,
        on_listening=lambda address: _finish(result, address, json=json),
        extra_handlers=partial(demo_pages, project.data),
    )


def _prepare(project: Project, show: StepProgress) -> "tuple[str | None, Measured]":
    """Run every step that is not done yet."""
    from coldframe.clock import system_clock
    from coldframe.demo.measuring import keep, kept, measure
    from coldframe.demo.steps import import_shop, train_shop

    registry = project.registry()
    with project.store() as store:
        import_shop(store, show)
        train_shop(store, registry, project.settings, clock=system_clock, progress=show)
    measured = kept(project.data)
    if measured is None:
        measured = measure(project.settings, progress=partial(show, "measure"))
        keep(measured, project.data)
    return registry.promoted(), measured


def _show_quality(measured: "Measured") -> None:
    quality = measured.quality()
    if quality is not None:
        rows = [(row.label, row.requests, *row.values) for row in quality.rows]
        table(("by warmth", "requests", *quality.models), rows, title=f"{quality.about}:")


def _finish(result: Mapping[str, object], address: str | None, *, json: bool) -> None:
    if json:
        emit({**result, "address": address})
    elif address is not None:
        line(address)
        say("Open it: pick a customer, or be a new visitor. Stop with Ctrl-C; run it again and it starts at once.")
