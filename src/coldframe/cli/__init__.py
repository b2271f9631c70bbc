"""The command line: one file per command, no logic. It parses, calls and prints.

Results go to stdout, everything else to stderr; with --json stdout holds JSON and nothing else. Exit codes come from
`coldframe.errors` and are listed in docs/cli.md, which is generated from this package (`python -m coldframe.cli.docs`).
Commands import what they need when they run, so that `coldframe --help` answers at once.

To add a command: write `cli/NAME.py` with one function, and register it in `COMMANDS` below.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import coldframe
from coldframe.cli import (
    demo,
    doctor,
    evaluate,
    explain,
    export,
    feed,
    forget,
    importing,
    init,
    keys,
    metrics,
    models,
    pipeline,
    recommend,
    rejects,
    replay,
    run,
    runs,
    serve,
    similar,
    train,
    tune,
)
from coldframe.cli.group import ColdframeGroup, Invocation

COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": demo.demo,
    "init": init.init,
    "import": importing.import_files,
    "export": export.export,
    "rejects": rejects.rejects,
    "doctor": doctor.doctor,
    "train": train.train,
    "tune": tune.tune,
    "evaluate": evaluate.evaluate,
    "recommend": recommend.recommend,
    "explain": explain.explain,
    "replay": replay.replay,
    "similar": similar.similar,
    "serve": serve.serve,
    "run": run.run,
    "runs": runs.runs,
    "metrics": metrics.metrics,
    "forget": forget.forget,
    "erasures": forget.erasures,
}
"""Name → function, in the order of a first day with coldframe."""

app = typer.Typer(
    name="coldframe",
    cls=ColdframeGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"coldframe {coldframe.__version__}")
        raise typer.Exit


@app.callback()
def program(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="PATH",
            help="The project's settings (default: coldframe.toml, here or in a folder above).",
        ),
    ] = None,
    flags: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Change one setting for this run; repeatable."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """coldframe: a self-hosted hybrid recommender, from an event log to live recommendations.

    `--config` and `--set` may stand before or after the command.
    """
    ctx.obj = Invocation(config=config, flags=_flags(flags))


def _flags(texts: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not of the form section.name=value", param_hint="--set")
        found[name.strip()] = value
    return found


for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(feed.app, name="feed")


def main() -> None:
    """Run the program; `coldframe` and `python -m coldframe` come here."""
    app()
