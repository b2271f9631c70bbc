"""`coldframe recommend`: one user's list, from the promoted bundle."""

from typing import Annotated

import typer

from coldframe.cli.options import Json, UserArgument
from coldframe.cli.output import emit, say, table
from coldframe.cli.project import open_project


def recommend(
    ctx: typer.Context,
    user: UserArgument,
    n: Annotated[
        int | None, typer.Option("-n", "--n", min=1, metavar="N", help="How many items (default: recommend.n).")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="ITEM", help="An item to leave out; repeatable.")
    ] = None,
    category: Annotated[
        str | None, typer.Option("--category", metavar="NAME", help="Only items of this category.")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--filter", metavar="CONDITION", help="Only items that meet it, such as 'price < 30'."),
    ] = None,
    json: Json = False,
) -> None:
    """Recommend items to a user, known or not.

    Example: `coldframe recommend 12346 -n 5`
    """
    from coldframe.serving.terms import Terms

    terms = Terms(condition)
    with open_project(ctx).engine() as engine:
        answer = engine.recommend(user, n=n, exclude=exclude or (), category=category, terms=terms)
    if json:
        emit(answer)
        return
    rows = [
        (i, item.item_id, item.score, shares(item.mixer_weights), ", ".join(item.rules))
        for i, item in enumerate(answer.items, 1)
    ]
    ruled = any(item.rules for item in answer.items)
    names = ("#", "item", "score", "made of", "rules")
    table(names if ruled else names[:-1], rows if ruled else [row[:-1] for row in rows])
    for note in answer.notes:
        say(note)
    say(f"{answer.level} answer of bundle {answer.bundle}")


def shares(weights: dict[str, float]) -> str:
    """Return the experts' shares as text, the largest first.

    >>> shares({"content": 0.25, "collaborative": 0.75})
    'collaborative 75 %, content 25 %'
    """
    ordered = sorted(weights.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in ordered)
