"""`coldframe explain`: why an item has its score for a user."""

import typer

from coldframe.cli.options import ItemArgument, Json, UserArgument
from coldframe.cli.output import emit, facts, table
from coldframe.cli.project import open_project


def explain(ctx: typer.Context, user: UserArgument, item: ItemArgument, json: Json = False) -> None:
    """Explain an item's score: what each expert said, how the mixer weighed it, and which past events speak for it.

    Example: `coldframe explain 12346 85123A`
    """
    with open_project(ctx).engine() as engine:
        why = engine.explain(user, item)
    if json:
        emit(why)
        return
    facts({"user": why.user_id, "item": why.item_id, "score": why.score, "level": why.level, "bundle": why.bundle})
    table(
        ("expert", "calibrated score", "weight", "share"),
        [(name, why.scores.get(name), why.weights.get(name), share) for name, share in why.shares.items()],
        title="Experts",
    )
    table(("warmth", "value"), why.warmth.items())
    table(
        ("because of", "event", "time", "similarity"),
        [(reason.item_id, reason.event_type, reason.timestamp, reason.similarity) for reason in why.because_of],
        title="History",
    )
