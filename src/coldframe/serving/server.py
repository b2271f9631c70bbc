"""Runs the service on granian: processes that answer, watched by the one that was called.

Owns addresses, signals, limits of the connection and the folder that the workers share. Any of them may get any
request: each listens at the same port, and the system deals connections out. One that dies is started again. What a
worker does is in `worker`, what it knows of the others in `workers`.
"""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from coldframe.errors import SettingsError
from coldframe.serving.listening import require_key_beyond_loopback
from coldframe.serving.workers import Workers
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from granian.server.common import AbstractServer
    from litestar import Litestar
    from litestar.types import ControllerRouterHandler

HandlerFactory = Callable[[], Sequence["ControllerRouterHandler"]]
"""Returns handlers to mount beside the service's own; a function of a module, so that the worker can import it."""

HEADER_MILLISECONDS = 5_000
"""How long a request's head may take to arrive."""
DRAIN_SECONDS = 20
"""How long requests in flight may take after SIGTERM; a slow body is given up before."""
POLL_SECONDS = 0.02

_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {
        "_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "coldframe": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def no_handlers() -> Sequence["ControllerRouterHandler"]:
    """Return no further handlers."""
    return ()


def serve(
    settings: Settings,
    data: Path,
    *,
    on_listening: Callable[[str], None],
    extra_handlers: HandlerFactory = no_handlers,
) -> None:
    """Serve a data folder until SIGTERM or SIGINT; call `on_listening` with the address once all workers have started.

    Raises `AccessError` beyond loopback without a key, `SettingsError` for a taken port, `StoreError` for a store
    that cannot be opened.
    """
    require_key_beyond_loopback(settings.serving, data)
    host, port = settings.serving.host, free_port(settings.serving.host, settings.serving.port)
    SQLiteStore(data, settings.store).close()
    # A forked worker would inherit locks held by threads of the libraries already running here.
    multiprocessing.set_start_method("spawn", force=True)
    with _shared_folder() as folder:
        server = _server(host, port, settings.serving.workers)
        told = (host, port, on_listening, Workers(Path(folder)), settings.serving.workers)
        server.on_startup(threading.Thread(target=_announce, args=told, daemon=True).start)
        load = partial(load_in_worker, settings, data, extra_handlers, os.getpid(), Path(folder))
        server.serve(target_loader=load, wrap_loader=False)


def _shared_folder() -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix="coldframe-", ignore_cleanup_errors=True)
    except OSError as error:
        raise SettingsError(
            f"There is no folder for what workers tell one another: {error}.", remedy="Name one that exists in TMPDIR."
        ) from error


def _server(host: str, port: int, workers: int) -> "AbstractServer[Any]":
    return Server(
        "coldframe",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        respawn_failed_workers=True,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        workers_kill_timeout=DRAIN_SECONDS,
    )


def load_in_worker(
    settings: Settings, data: Path, extra_handlers: HandlerFactory, parent: int, shared: Path
) -> "Litestar":
    """Return the worker's app; its imports cost a second that the process which only watches need not spend."""
    if settings.serving.workers > 1:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)  # read once, when the library is imported
    from coldframe.serving.worker import load_app

    return load_app(settings, data, extra_handlers, parent, Workers(shared))


def free_port(host: str, port: int) -> int:
    """Return `port`, or a free one for 0. Raises `SettingsError` when it is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise SettingsError(
                f"Cannot listen at {host}:{port}: {error.strerror}.",
                remedy="Choose another with --port (0: any free one), or end the process that listens there.",
            ) from error
        return probe.getsockname()[1]


def _announce(host: str, port: int, on_listening: Callable[[str], None], workers: Workers, wanted: int) -> None:
    """Tell the address as soon as all workers have started and somebody answers there."""
    while workers.started() < wanted:
        time.sleep(POLL_SECONDS)
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    while True:
        try:
            socket.create_connection((reach, port), timeout=1.0).close()
        except OSError:
            time.sleep(POLL_SECONDS)
            continue
        on_listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        return
