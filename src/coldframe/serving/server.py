"""Runs the service on granian: a process that answers, watched by the one that was called.

Owns addresses, signals and limits of the connection. What the answering process does is in `worker`; there is one,
because one process writes to a store.
"""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from coldframe.errors import SettingsError
from coldframe.serving.listening import require_key_beyond_loopback
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

if TYPE_CHECKING:
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
    """Serve a data folder until SIGTERM or SIGINT; call `on_listening` with the address once requests are answered.

    Raises `AccessError` beyond loopback without a key, `SettingsError` for a taken port, `StoreError` for a store
    that cannot be opened.
    """
    require_key_beyond_loopback(settings.serving, data)
    host, port = settings.serving.host, free_port(settings.serving.host, settings.serving.port)
    SQLiteStore(data, settings.store).close()
    # A forked worker would inherit locks held by threads of the libraries already running here.
    multiprocessing.set_start_method("spawn", force=True)
    server = Server(
        "coldframe",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        workers_kill_timeout=DRAIN_SECONDS,
    )
    announcer = threading.Thread(target=_announce, args=(host, port, on_listening), daemon=True)
    server.on_startup(announcer.start)
    load = partial(load_in_worker, settings, data, extra_handlers, os.getpid())
    server.serve(target_loader=load, wrap_loader=False)


def load_in_worker(settings: Settings, data: Path, extra_handlers: HandlerFactory, parent: int) -> "Litestar":
    """Return the worker's app; its imports cost a second that the process which only watches need not spend."""
    from coldframe.serving.worker import load_app

    return load_app(settings, data, extra_handlers, parent)


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


def _announce(host: str, port: int, on_listening: Callable[[str], None]) -> None:
    """Tell the address as soon as somebody answers there."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    while True:
        try:
            socket.create_connection((reach, port), timeout=1.0).close()
        except OSError:
            time.sleep(POLL_SECONDS)
            continue
        on_listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        return
