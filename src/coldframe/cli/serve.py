"""`coldframe serve`: the HTTP service."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import typer

from coldframe.cli.options import Host, Json, Port, Workers
from coldframe.cli.output import emit, line, say
from coldframe.cli.project import open_project, require_extra

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

    from coldframe.settings import Settings


def serve(
    ctx: typer.Context,
    port: Port = None,
    host: Host = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Serve recommendations over HTTP, and a page for people, until interrupted.

    The address is printed once requests are answered, by every worker (serving.workers).

    It listens beyond the loopback address only with an API key (`coldframe keys create`). An orderly stop exits with 0.

    Example: `coldframe serve --port 8000`
    """
    project = open_project(ctx)
    project.require_data()
    from coldframe.serving.server import serve as serve_http

    settings = served_with(project.settings, port, host, workers)
    serve_http(settings, project.data, on_listening=partial(tell_address, json=json), extra_handlers=pages)


def served_with(settings: "Settings", port: int | None, host: str | None, workers: int | None) -> "Settings":
    """Return the settings with the address and the number of workers that the options name, if any.

    Raises `InputError` where they want what is not installed.
    """
    from coldframe.settings import with_value

    if settings.serving.telemetry_url:
        require_extra("telemetry")
    for name, value in (("serving.port", port), ("serving.host", host), ("serving.workers", workers)):
        settings = settings if value is None else with_value(settings, name, value)
    return settings


def tell_address(address: str, *, json: bool) -> None:
    """Say where requests are answered."""
    if json:
        emit({"address": address})
        return
    line(address)
    say(f"A page for people: {address}/. Every route: {address}/docs. Stop with Ctrl-C.")


def pages() -> "Sequence[ControllerRouterHandler]":
    """Return the page for people; called in the worker, where the web framework is loaded anyway."""
    from coldframe.dashboard import page_handlers

    return page_handlers()
