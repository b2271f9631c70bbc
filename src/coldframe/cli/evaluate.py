"""`coldframe evaluate`: how good each model is, on files alone: no project and no store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.group import Invocation
from coldframe.cli.options import Columns, Constant, Seed, Window, names, pairs
from coldframe.cli.output import progress_bar, render, say
from coldframe.cli.project import open_project
from coldframe.errors import InputError

if TYPE_CHECKING:
    from coldframe.events.table import Refused

DEFAULT_MODELS = "hybrid,collaborative,content,popular,recent-popular"
STDOUT = Path("-")


def _remember_json(ctx: typer.Context, value: Path | None) -> Path | None:
    if value is not None and isinstance(ctx.obj, Invocation):
        ctx.obj.json = True
    return value


More = Annotated[
    list[Path] | None,
    typer.Argument(metavar="TRAIN…", help="Further event files, as after --events.", exists=True, dir_okay=False),
]
Events = Annotated[
    list[Path] | None,
    typer.Option("--events", metavar="TRAIN…", help="Event files to learn from.", exists=True, dir_okay=False),
]
Items = Annotated[
    Path | None, typer.Option("--items", metavar="FILE", help="An item file.", exists=True, dir_okay=False)
]
Users = Annotated[
    Path | None, typer.Option("--users", metavar="FILE", help="A user file.", exists=True, dir_okay=False)
]
Test = Annotated[
    Path | None,
    typer.Option(
        "--test",
        metavar="FILE",
        help="A published split's test events: rank the full catalogue.",
        exists=True,
        dir_okay=False,
    ),
]
SplitText = Annotated[
    str | None,
    typer.Option("--split", metavar="time:SHARE|column:NAME", help="Split the events by time or by a column."),
]
SplitValues = Annotated[
    str | None,
    typer.Option("--split-values", metavar="OURS=THEIRS,…", help="How --split column:NAME spells its rows."),
]
Discovery = Annotated[
    bool, typer.Option("--discovery", help="With --split time:SHARE, ask once more for items new to the user.")
]
Young = Annotated[
    bool, typer.Option("--young", help="With --split time:SHARE, ask once more among items of at most 5 events.")
]
Within = Annotated[
    int | None,
    typer.Option(
        "--within", min=1, metavar="N", help="With --split time:SHARE, ask within visits too, about the next N events."
    ),
]
RefitDays = Annotated[
    int | None,
    typer.Option("--refit-days", min=1, metavar="N", help="With --split time:SHARE, train again every N days of it."),
]
Models = Annotated[str, typer.Option("--models", metavar="NAME,…", help="What to compare.")]
Ks = Annotated[
    list[int] | None,
    typer.Option("--k", min=1, metavar="K", help="Length of the list; repeatable (default: 10 and 20)."),
]
MaxRequests = Annotated[
    int | None,
    typer.Option("--max-requests", min=1, metavar="N", help="Ask a random sample of the questions (default: all)."),
]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the result as JSON; -: stdout.", callback=_remember_json, is_eager=True
    ),
]


def evaluate(
    ctx: typer.Context,
    more: More = None,
    events: Events = None,
    items: Items = None,
    users: Users = None,
    test: Test = None,
    split: SplitText = None,
    split_values: SplitValues = None,
    discovery: Discovery = False,
    young: Young = False,
    within: Within = None,
    refit_days: RefitDays = None,
    models: Models = DEFAULT_MODELS,
    k: Ks = None,
    max_requests: MaxRequests = None,
    columns: Columns = None,
    constant: Constant = None,
    window: Window = None,
    json: JsonFile = None,
    seed: Seed = None,
) -> None:
    """Compare models on event files, with intervals and by warmth.

    Name one of --test and --split. A file needs no more than user_id and item_id, and all its events count unless
    --window is given. The first model is the one that the others are compared with.

    Example: `coldframe evaluate --events events.parquet --split time:0.9 --k 10 --k 20`
    """
    project = open_project(ctx)
    keep_compiled(project.data)
    from coldframe.evaluation import Files, Protocol, as_json, as_table, read_split, run
    from coldframe.pipeline import trainer
    from coldframe.settings import with_value

    _refuse_unwritable(json)
    asked, settings = names(models, option="--models"), project.settings
    settings = settings if seed is None else with_value(settings, "training.seed", seed)
    values = pairs([split_values] if split_values else (), option="--split-values")
    protocol = Protocol(test, split, values, discovery, young, within, refit_days, settings.recommend.repeat)
    renamed, constants = pairs(columns, option="--columns"), pairs(constant, option="--constant")
    files = Files([*(events or ()), *(more or ())], items, users, renamed, constants, _say_refused)
    with progress_bar(quiet=json is not None) as show:
        show("read", 0, None)
        parts = read_split(files, protocol)
        report = run(
            parts,
            asked,
            trainer(settings),
            settings,
            ks=k or (10, 20),
            window_days=window,
            max_requests=max_requests,
            progress=lambda done, total: show("ask", done, total),
        )
    if json != STDOUT:
        render(as_table(report))
    _write(as_json(report), json)


def _write(text: str, file: Path | None) -> None:
    if file == STDOUT:
        typer.echo(text)
    elif file is not None:
        file.write_text(text + "\n", encoding="utf-8")


def _refuse_unwritable(file: Path | None) -> None:
    """Say before the work, not after it, that the result has no place."""
    if file is not None and file != STDOUT and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise InputError(f"{file} cannot be written.", remedy="Name a file in a folder that exists, or - for stdout.")


def _say_refused(file: Path, refused: "Refused") -> None:
    reasons = ", ".join(f"{count:,} × {reason}" for reason, count in refused.reasons.most_common(5))
    say(f"{file}: {len(refused):,} rows left out: {reasons}")
