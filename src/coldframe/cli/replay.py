"""`coldframe replay`: a past answer made again, and whether it is the same."""

from typing import Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import cell, emit, line, say
from coldframe.cli.project import open_project


def replay(
    ctx: typer.Context,
    recommendation_id: Annotated[
        str, typer.Argument(metavar="RECOMMENDATION_ID", help="The id that the answer was given with.")
    ],
    json: Json = False,
) -> None:
    """Make a past answer again, from what was known then and by the bundle that made it, and compare the two.

    Prints "same", or the first place that differs and why it may; exit code 1 where they differ.

    Example: `coldframe replay 3f0c…`
    """
    from coldframe.serving.replay import replay as made_again

    project = open_project(ctx)
    with project.store() as store:
        found = made_again(recommendation_id, store, project.registry(), project.settings)
    if json:
        emit(found)
    elif found.difference is None:
        line(f"same: {found.items} items by bundle {found.bundle}")
    else:
        differs = found.difference
        where = f"at place {differs.place}" if differs.place else "as a whole"
        line(f"differs {where}: {differs.what} was {cell(differs.shown)}, is {cell(differs.replayed)}")
        for reason in found.reasons or ("Nothing the list rested on is known to have changed: its record may have.",):
            say(reason)
    if not found.same:
        raise typer.Exit(1)
