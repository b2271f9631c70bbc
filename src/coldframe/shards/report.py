"""What a run tells: how far it is, what it did, and the manifest that says so to whoever reads the shards.

Owns the report and its numbers, alike for every engine. Never computes a row.
"""

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import TypeVar

import msgspec

from coldframe.shards.census import Census
from coldframe.shards.source import Read
from coldframe.shards.writing import Shard, Sink

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with (step, done, in all)."""
Made = tuple[Shard, int]
"""A shard that was written, and how many negatives of its events do not exist."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did: rows read, rejected by reason, events told again, what was written, seconds by step."""

    engine: str
    read: int
    rejected: dict[str, int]
    repeated: int
    users: int
    items: int
    rows: int
    missing_negatives: int
    fingerprint: str
    seconds: dict[str, float]


def published(
    sink: Sink, census: Census, read: Read, repeated: int, made: list[Made], *, engine: str, seconds: dict[str, float]
) -> Report:
    """Publish the shards, in order of number, with what is known about the run, and return the report.

    Raises `StoreError` when the disk refuses.
    """
    report = Report(
        engine=engine,
        read=read.rows,
        rejected=dict(read.rejected),
        repeated=repeated,
        users=len(census.names.users),
        items=len(census.names.items),
        rows=sum(shard.rows for shard, _ in made),
        missing_negatives=sum(missing for _, missing in made),
        fingerprint=f"{sum(shard.fingerprint for shard, _ in made) % 2**64:016x}",
        seconds=seconds,
    )
    facts = {"plan": census.plan.as_dict(), "ratio": census.ratio, "read": report.read, "rejected": report.rejected}
    facts |= {"repeated": report.repeated, "users": report.users, "items": report.items}
    sink.publish(census.names, facts, [shard for shard, _ in made])
    return report


class Watch:
    """Progress and seconds of each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self.seconds = progress, dict[str, float]()

    def step(self, name: str, work: Iterable[T], n: int) -> list[T]:
        """Return all that a step yields, telling how far it is."""
        return list(self.steps(name, work, n))

    def steps(self, name: str, work: Iterable[T], n: int) -> Iterator[T]:
        """Yield what a step yields, one by one, telling how far it is."""
        started = perf_counter()
        self._progress(name, 0, n)
        for done, one in enumerate(work, 1):
            yield one
            self._progress(name, done, n)
        self.seconds[name] = round(perf_counter() - started, 3)
