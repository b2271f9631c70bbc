"""`coldframe evaluate`: how good each model is, on files alone: no project and no store."""

from pathlib import Path
from typing import Annotated

import typer

from coldframe.cli.group import Invocation
from coldframe.cli.options import Columns, Constant, Seed, Window

DEFAULT_MODELS = "hybrid,collaborative,content,popular,recent-popular"


def _remember_json(ctx: typer.Context, value: Path | None) -> Path | None:
    if value is not None and isinstance(ctx.obj, Invocation):
        ctx.obj.json = True
    return value


def evaluate(
    ctx: typer.Context,
    more: Annotated[
        list[Path] | None,
        typer.Argument(metavar="TRAIN…", help="Further event files, as after --events.", exists=True, dir_okay=False),
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option("--events", metavar="TRAIN…", help="Event files to learn from.", exists=True, dir_okay=False),
    ] = None,
    items: Annotated[
        Path | None, typer.Option("--items", metavar="FILE", help="An item file.", exists=True, dir_okay=False)
    ] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="A user file.", exists=True, dir_okay=False)
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            "--test",
            metavar="FILE",
            help="A published split's test events: rank the full catalogue.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="time:SHARE|column:NAME", help="Split the events by time or by a column."),
    ] = None,
    split_values: Annotated[
        str | None,
        typer.Option("--split-values", metavar="OURS=THEIRS,…", help="How --split column:NAME spells its rows."),
    ] = None,
    models: Annotated[str, typer.Option("--models", metavar="NAME,…", help="What to compare.")] = DEFAULT_MODELS,
    k: Annotated[
        list[int] | None,
        typer.Option("--k", min=1, metavar="K", help="Length of the list; repeatable (default: 10 and 20)."),
    ] = None,
    columns: Columns = None,
    constant: Constant = None,
    window: Window = None,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the result as JSON; -: stdout.",
            callback=_remember_json,
            is_eager=True,
        ),
    ] = None,
    seed: Seed = None,
) -> None:
    """Compare models on event files, with intervals and by warmth.

    Example: `coldframe evaluate --events events.parquet --split time:0.9 --k 10 --k 20`
    """
