"""The one thread that writes: what waits together is committed together, with one fsync.

Owns the queue, its bound, the group commit and the turns of several processes. Knows no table: a job brings what it
does to the connection.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from coldframe import disk
from coldframe.errors import ColdframeError, StoreBusyError
from coldframe.settings.sections import StoreSettings
from coldframe.store.sqlite.connections import WRITER_CACHE_KIB, connect, transaction
from coldframe.store.sqlite.failures import closed, medium

PATIENCE_SECONDS = 0.1
"""How long what nobody waits for may wait for company: every commit is an fsync, and takes turns with who answers."""

TURNS = "writer.lock"
"""Held while a group is committed. SQLite alone keeps two processes apart, but the one that waits sleeps up to 0.1
seconds before it looks again, and may find the next group of the other; here it is woken when it is its turn."""

T = TypeVar("T")
Apply = Callable[[sqlite3.Connection, set[str]], T]
"""Writes inside the group's transaction; is given which of the group's `event_ids` are sealed. May run twice, the
first time in vain, so it changes nothing but the database."""
FindSealed = Callable[[sqlite3.Connection, list[str]], set[str]]


@dataclass(eq=False)
class _Job:
    apply: Apply[Any]
    event_ids: Sequence[str]
    weight: int
    patient: bool
    done: Future[Any] = field(default_factory=Future[Any])


class Writer:
    """Commits jobs in the order given. A job that fails fails alone, and nothing of it is kept."""

    def __init__(self, path: Path, settings: StoreSettings, sealed: FindSealed) -> None:
        self.commits = 0
        """Transactions so far: at most one fsync each, less those of checkpoints."""
        self._path = path
        self._turns = path.with_name(TURNS)
        self._settings = settings
        self._sealed = sealed
        self._connection = connect(path, cache_kib=WRITER_CACHE_KIB)
        self._jobs: list[_Job] = []
        self._waiting = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coldframe-store-writer", daemon=True)
        self._thread.start()

    def write(self, apply: Apply[T], *, event_ids: Sequence[str] = (), weight: int = 0) -> T:
        """Apply a job and return its result once it is durable. Raises `StoreError`; `StoreBusyError` when full."""
        return self.queue(apply, event_ids=event_ids, weight=weight).result()

    def queue(
        self, apply: Apply[T], *, event_ids: Sequence[str] = (), weight: int = 0, patient: bool = False
    ) -> Future[T]:
        """Queue a job and return at once. `weight` counts against the bound, which an empty queue always admits.

        A `patient` one waits for a job that is not, `PATIENCE_SECONDS` at most.
        """
        job = _Job(apply, event_ids, weight, patient)
        with self._changed:
            if self._closing.is_set():
                raise closed(self._path.parent)
            if self._waiting and weight and self._waiting + weight > self._settings.queue_events:
                raise self._full(weight)
            self._waiting += weight
            self._jobs.append(job)
            if len(self._jobs) == 1 or not patient:
                self._changed.notify()
        return job.done

    def close(self) -> None:
        """Commit what is queued, then end the thread and close its connection."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join()
        self._connection.close()

    def _full(self, weight: int) -> StoreBusyError:
        return StoreBusyError(
            f"{self._waiting} events wait to be written in {self._path.parent}, so {weight} more are refused.",
            remedy=f"Try again shortly; store.queue_events (now {self._settings.queue_events}) bounds the queue.",
        )

    def _run(self) -> None:
        while jobs := self._next_group():
            try:
                self._commit(jobs)
            finally:
                self._leave(jobs)

    def _next_group(self) -> list[_Job]:
        """Return all waiting jobs, after a moment for company; nothing when closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closing.is_set())
            self._changed.wait_for(self._urgent, PATIENCE_SECONDS)
        self._closing.wait(self._settings.commit_interval_ms / 1_000)
        with self._changed:
            jobs, self._jobs = self._jobs, []
        return jobs

    def _urgent(self) -> bool:
        return self._closing.is_set() or not all(job.patient for job in self._jobs)

    def _leave(self, jobs: list[_Job]) -> None:
        with self._changed:
            self._waiting -= sum(job.weight for job in jobs)
        for job in jobs:
            if not job.done.done():
                job.done.set_exception(closed(self._path.parent))

    def _commit(self, jobs: list[_Job]) -> None:
        """Commit jobs together; when that fails each alone, so that none fails for another's sake."""
        try:
            with medium("write", self._path):
                results = self._applied(jobs)
        except (ColdframeError, ValueError, TypeError, OverflowError) as error:
            if len(jobs) == 1:
                jobs[0].done.set_exception(error)
                return
            for job in jobs:
                self._commit([job])
            return
        for job, result in zip(jobs, results, strict=True):
            job.done.set_result(result)

    def _applied(self, jobs: list[_Job]) -> list[Any]:
        with disk.locked(self._turns), transaction(self._connection):
            event_ids = [event_id for job in jobs for event_id in job.event_ids]
            sealed = self._sealed(self._connection, event_ids) if event_ids else set[str]()
            results = [job.apply(self._connection, sealed) for job in jobs]
        self.commits += 1
        return results
