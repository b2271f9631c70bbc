"""`coldframe doctor`: what is learnable from this data, and what is wrong with it."""

from typing import TYPE_CHECKING

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, facts, line, table
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from coldframe.dataset.doctor import Diagnosis


def doctor(ctx: typer.Context, json: Json = False) -> None:
    """Say what can be learned from this data: volume, density, warm users, what the trainer sees, what is wrong.

    Example: `coldframe doctor`
    """
    project = open_project(ctx)
    from coldframe.clock import system_clock
    from coldframe.dataset.doctor import diagnose
    from coldframe.events.frames import items_frame, users_frame

    with project.store() as store:
        events = store.scan_events().collect()
        items, users = items_frame(store.items()), users_frame(store.users())
    diagnosis = diagnose(events, items, users, project.settings, now=system_clock())
    if json:
        emit(diagnosis)
        return
    _print(diagnosis)


def _print(found: "Diagnosis") -> None:
    volume, window, trainer = found.volume, found.window, found.trainer
    facts(
        {
            "events": volume.events,
            "users": volume.users,
            "items": volume.items,
            "density": f"{volume.density_percent:.3g} % of {volume.users * volume.items:,} pairs",
            "warm users (5 events or more)": volume.warm_users,
            "warm items (5 events or more)": volume.warm_items,
            "new among a week's users, median": _percent(volume.new_user_share_per_week),
            "items without events": volume.items_without_events,
            "items without content": f"{volume.items_without_content:,} of {volume.catalogue_items:,} in the catalogue",
            "first event": window.first_event,
            "last event": window.last_event,
            f"in the window of {window.days} days": f"{window.events:,} events ({window.event_share:.1%}), "
            f"{window.users:,} users, {window.items:,} items",
            "repeats": f"{found.repeats.share:.1%} of events: {found.repeats.policy} ({found.repeats.reason})",
            "the trainer sees": f"{trainer.positives:,} positives, {trainer.disliked:,} dislikes, "
            f"{trainer.sampled_negatives:,} drawn negatives (1:{trainer.ratio})",
        }
    )
    table(
        ("history", "users", "items"),
        [(bucket, users, found.items_by_history[bucket]) for bucket, users in found.users_by_history.items()],
    )
    table(
        ("event type", "events", "share", "weight", "named in settings"),
        [(kind.name, kind.events, _percent(kind.share), kind.weight, kind.known) for kind in found.event_types],
    )
    for problem in found.problems:
        line(f"{problem.severity}: {problem.name}: {problem.message} {problem.remedy}")
    line(f"verdict: {found.verdict.best}. {found.verdict.reason}")
    if found.verdict.half_width is not None:
        line(f"A hit rate of 10 % would be known to ± {found.verdict.half_width:.1f} points.")


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"
