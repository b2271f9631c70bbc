"""What every handler works with, in one bag."""

from dataclasses import dataclass

from coldframe.bundle.registry import Registry
from coldframe.clock import Clock
from coldframe.errors import InputError
from coldframe.serving.engine import Engine
from coldframe.serving.intake import Intake
from coldframe.serving.metrics import ServingMetrics
from coldframe.serving.problems import RefusedError
from coldframe.serving.workers import Workers
from coldframe.settings import Settings
from coldframe.store.protocol import Store


@dataclass(frozen=True)
class Context:
    """The live parts of one app."""

    engine: Engine
    store: Store
    intake: Intake
    registry: Registry
    settings: Settings
    metrics: ServingMetrics
    clock: Clock
    workers: Workers | None = None

    def checked_n(self, n: int | None, *, default: int | None = None) -> int:
        """Return how many items to answer with, within the settings. Raises `InputError`."""
        limits = self.settings.recommend
        asked = (default or limits.n) if n is None else n
        if not 1 <= asked <= limits.max_n:
            raise InputError(f"n is {asked}.", remedy=f"Ask for 1 to {limits.max_n} items.")
        return asked

    def check_batch(self, size: int, what: str) -> None:
        """Refuse a request with more records than the settings allow. Raises `RefusedError`."""
        limit = self.settings.serving.max_batch
        if size > limit:
            raise RefusedError("too_large", f"The request has {size} {what}.", remedy=f"Send at most {limit} at once.")
