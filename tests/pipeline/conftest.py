"""One store with a small generated shop, and what a training made of it, for every test of the pipeline."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.serving.engine import Engine
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.shop import OPENING, Shop, quick_settings, shop

SETTINGS = quick_settings()
DAYS = 60


@dataclass
class Place:
    """A project's folder with everything that `coldframe train` opens."""

    folder: Path
    shop: Shop
    store: SQLiteStore
    registry: Registry
    settings: Settings = SETTINGS
    now: datetime = OPENING + timedelta(days=DAYS)
    steps: list = field(default_factory=list)

    def train(self, **more):
        return pipeline.train(
            self.store,
            self.registry,
            self.settings,
            clock=fixed_clock(self.now),
            progress=lambda *step: self.steps.append(step),
            **more,
        )

    def engine(self):
        engine = Engine(self.store, self.registry, self.settings, clock=fixed_clock(self.now))
        engine.refresh()
        return engine


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    world = shop(n_users=120, n_items=60, days=DAYS)
    store = SQLiteStore(folder / "data", SETTINGS.store)
    store.upsert_items(world.items)
    store.upsert_users(world.users)
    store.import_events([world.events])
    yield Place(folder, world, store, Registry(folder / "bundles"))
    store.close()


@pytest.fixture(scope="session")
def result(place):
    """What a training with every step says of itself."""
    return place.train()


@pytest.fixture(scope="session")
def engine(place, result):
    place.registry.promote(result.bundle)
    return place.engine()
