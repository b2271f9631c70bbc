"""`coldframe serve`: the HTTP service."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, line, say
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler


def serve(
    ctx: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65_535, metavar="PORT", help="Port, 0: any free one (default: serving.port)."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="HOST", help="Address (default: serving.host).")] = None,
    json: Json = False,
) -> None:
    """Serve recommendations over HTTP, and a page for people, until interrupted.

    The address is printed once requests are answered.

    It listens beyond the loopback address only with an API key (serving.api_key). An orderly stop exits with 0.

    Example: `coldframe serve --port 8000`
    """
    project = open_project(ctx)
    project.require_data()
    from coldframe.serving.server import serve as serve_http
    from coldframe.settings import with_value

    settings = project.settings
    for name, value in (("serving.port", port), ("serving.host", host)):
        settings = settings if value is None else with_value(settings, name, value)

    def listening(address: str) -> None:
        if json:
            emit({"address": address})
            return
        line(address)
        say(f"A page for people: {address}/. Every route: {address}/docs. Stop with Ctrl-C.")

    serve_http(settings, project.data, on_listening=listening, extra_handlers=pages)


def pages() -> "Sequence[ControllerRouterHandler]":
    """Return the page for people; called in the worker, where the web framework is loaded anyway."""
    from coldframe.dashboard import page_handlers

    return page_handlers()
