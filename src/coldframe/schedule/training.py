"""One training from lease to promotion, with its record: what `coldframe train` and the trainer beside a server do.

Owns that order. When to train is decided in `plan`, how in `pipeline`. Importing this needs the training libraries.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.clock import Clock, new_training_id
from coldframe.schedule.freshness import freshness, read_before
from coldframe.schedule.lease import Held, holding, nothing, owner_text
from coldframe.schedule.plan import LEASE
from coldframe.schedule.records import close_lost, ended, put
from coldframe.settings import Settings
from coldframe.store.ledger import TrainingRun
from coldframe.store.protocol import Store


class Trained(NamedTuple):
    """What a training made, and what is written of it."""

    result: pipeline.TrainingResult
    run: TrainingRun


def train(
    store: Store,
    registry: Registry,
    settings: Settings,
    *,
    command: str,
    run_id: str | None = None,
    as_of: datetime | None = None,
    window_days: int | None = None,
    promote: bool = True,
    clock: Clock,
    progress: pipeline.Report,
    on_tick: Callable[[], None] = nothing,
    spent: float = 0.0,
) -> Trained:
    """Train as `pipeline.train` does, alone, promote the bundle unless told not to, and record how it went.

    `command` names the caller to whoever comes second. Raises what `pipeline.train` and `Registry.promote` raise, and
    `StoreBusyError` while another training runs; whatever is raised, the bundle that serves goes on serving.
    """
    before = store.lease(LEASE)
    run_id = run_id or new_training_id()
    run = TrainingRun(run=run_id, owner=owner_text(command, run_id), started_at=clock(), as_of=as_of)
    with holding(store, run.owner, settings.schedule, clock, on_tick) as held:
        close_lost(store, before, clock())
        store.put_training(run)
        try:
            read_at = clock()
            result = pipeline.train(
                store,
                registry,
                settings,
                as_of=as_of,
                window_days=window_days,
                clock=clock,
                progress=_checking(held, progress),
                spent=spent,
            )
            run = _described(run, result)
            if promote:
                run = _promoted(store, registry, run, held, read_at, clock)
            else:
                run = ended(run, "kept", clock(), run.message)
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            put(store, ended(run, "stopped" if stopped else "failed", clock(), str(error) or type(error).__name__))
            raise
        store.put_training(run)
        if run.read_at is not None:
            store.forget_arrivals(before=run.read_at)
    return Trained(result, run)


def _checking(held: Held, progress: pipeline.Report) -> pipeline.Report:
    """Return a report that ends the training when its lease is lost."""

    def report(step: str, done: int, total: int) -> None:
        held.check()
        progress(step, done, total)

    return report


def _described(run: TrainingRun, result: pipeline.TrainingResult) -> TrainingRun:
    return replace(
        run,
        bundle=result.bundle,
        events=result.counts["events"],
        newest_event=result.newest_event,
        seconds=result.seconds,
        message=f"no time for {', '.join(result.left_out)}" if result.left_out else "",
    )


def _promoted(
    store: Store, registry: Registry, run: TrainingRun, held: Held, read_at: datetime, clock: Clock
) -> TrainingRun:
    """Let the bundle serve, the lease being still ours; say how long the events that it added had waited.

    A training as of a moment says nothing of that: it need not have read what was accepted last.
    """
    held.renew()
    held.check()
    registry.promote(run.bundle or "")
    now = clock()
    run = replace(ended(run, "promoted", now, run.message), promoted_at=now)
    if run.as_of is not None:
        return run
    waited = store.arrivals(start=read_before(list(store.trainings())), end=read_at)
    return replace(run, read_at=read_at, freshness=freshness(waited, now))
