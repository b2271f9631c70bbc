"""The steps from the shipped files to a project that can serve, each of which finds out whether it is already done.

Owns the order inside each step. Never prints and never serves.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coldframe.bundle.registry import Registry
from coldframe.clock import Clock
from coldframe.demo.shipped import SHIPPED, ShippedFiles
from coldframe.settings import Settings
from coldframe.store.protocol import ImportReport, Store

if TYPE_CHECKING:
    from coldframe.store.importing import Kind

StepProgress = Callable[[str, int, int | None], None]
"""Called with (step, done, total or None when unknown)."""


EXPERTS = (
    "collaborative",
    "item-item",
    "content",
    "attributes",
    "transitions",
    "repeat",
    "popular-ever",
    "popular-month",
)
"""The experts of the demonstration: those that cost little and say most here."""


def hurried(settings: Settings) -> Settings:
    """Return the settings with less to learn, so that two trainings fit into two minutes on two cores.

    >>> hurried(Settings()).mixer.max_requests
    500
    """
    mixer = replace(settings.mixer, experts=list(EXPERTS), epochs=8, max_requests=500)
    return replace(settings, content=replace(settings.content, epochs=2), mixer=mixer)


def import_shop(store: Store, progress: StepProgress, shipped: ShippedFiles = SHIPPED) -> dict[str, ImportReport]:
    """Import the shipped users, items and events; nothing where events are there already.

    Events come last and appear all at once, so a store that has them has everything.
    """
    if store.counts().events:
        return {}
    from coldframe.store.importing import import_file

    files: dict[Kind, Path] = {"users": shipped.users, "items": shipped.items, "events": shipped.events}
    return {
        kind: import_file(store, kind, path, progress=partial(progress, f"import {kind}"))
        for kind, path in files.items()
    }


def train_shop(
    store: Store, registry: Registry, settings: Settings, *, clock: Clock, progress: StepProgress
) -> str | None:
    """Train on the store and promote the bundle; return its id, or None where a bundle serves already."""
    if registry.promoted() is not None:
        return None
    from coldframe.schedule.training import train

    command = "coldframe demo"
    return train(store, registry, hurried(settings), command=command, clock=clock, progress=progress).result.bundle
