"""`coldframe similar`: the items nearest to one item."""

from typing import Annotated

import typer

from coldframe.cli.options import ItemArgument, Json
from coldframe.cli.output import emit, table
from coldframe.cli.project import open_project


def similar(
    ctx: typer.Context,
    item: ItemArgument,
    n: Annotated[int, typer.Option("-n", "--n", min=1, max=1000, metavar="N", help="How many items.")] = 10,
    json: Json = False,
) -> None:
    """Show the items nearest to an item.

    Example: `coldframe similar 85123A -n 5`
    """
    with open_project(ctx).engine() as engine:
        found = engine.similar_items(item, n=n)
    if json:
        emit({"item_id": item, "similar": found})
        return
    table(("#", "item", "similarity"), [(i, near.item_id, near.score) for i, near in enumerate(found, 1)])
