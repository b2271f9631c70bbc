"""A process that answers: a store, an engine and the app on them.

Owns the order of start and end: the store is opened before the first request, flushed and closed after the last; and
that a request computes on one thread: the products of one are so small that threads mostly wait for one another.
"""

import gc
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from litestar import Litestar

from coldframe.bundle.registry import Registry
from coldframe.scoring.threads import one_thread_each
from coldframe.serving.access import Access
from coldframe.serving.app import create_app
from coldframe.serving.engine import Engine
from coldframe.serving.follower import BundleFollower
from coldframe.serving.server import HandlerFactory
from coldframe.serving.workers import Workers
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from coldframe.serving.tracing import Tracing

SWITCH_SECONDS = 0.0002
"""How long a thread that computes may keep the others waiting: the one that commits needs ten turns a group, and with
Python's 5 ms each a busy event loop would make it wait longer than the disk does."""


def load_app(settings: Settings, data: Path, extra_handlers: HandlerFactory, parent: int, workers: Workers) -> Litestar:
    """Return the app on a data folder, as one of `workers`; its process ends when the process `parent` is gone."""
    sys.setswitchinterval(SWITCH_SECONDS)
    workers.tell()
    settings = share_of(settings)
    store = SQLiteStore(data, settings.store)
    registry = Registry(data / "bundles")
    tracing = _tracing(settings)
    engine = (tracing.engine if tracing else Engine)(store, registry, settings)

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncGenerator[None]:
        def tick() -> None:
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)  # a polite end: nobody watches any more
            else:
                workers.tell(lambda: engine.bundle_id)

        follower = BundleFollower(engine, on_refused=app.state.metrics.bundle_refused, on_tick=tick)
        with one_thread_each():
            follower.start()
            workers.tell(lambda: engine.bundle_id)
            gc.freeze()  # what is here now stays: the collector need not look at it again
            try:
                yield
            finally:
                follower.stop()
                store.flush()
                store.close()
                workers.leave()
                if os.getppid() != parent:  # nobody else is left to do it
                    shutil.rmtree(workers.folder, ignore_errors=True)

    return create_app(
        engine,
        store,
        registry,
        settings,
        extra_handlers=extra_handlers(),
        lifespan=[running],
        access=Access.of(settings.serving, data),
        workers=workers if settings.serving.workers > 1 else None,
        tracing=tracing,
    )


def share_of(settings: Settings) -> Settings:
    """Return the settings of one worker: of what bounds the whole server's memory, its part."""
    share = max(1, settings.store.queue_events // settings.serving.workers)
    return replace(settings, store=replace(settings.store, queue_events=share))


def _tracing(settings: Settings) -> "Tracing | None":
    """Return what tells a collector, where there is one; its libraries are loaded only then."""
    if not settings.serving.telemetry_url:
        return None
    from coldframe.serving.tracing import tracing_to

    return tracing_to(settings.serving)
