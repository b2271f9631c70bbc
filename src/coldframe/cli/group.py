"""How every command is called: options that may stand anywhere, and errors that end in a documented exit code.

Owns the mapping from a `ColdframeError` to what a person or a script sees. Never runs a command itself.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from coldframe.cli.output import report_error
from coldframe.errors import ColdframeError

_ANYWHERE = ("--config", "--set")
"""Options of the program itself that may also follow the command."""


@dataclass
class Invocation:
    """What was said before the command: the project's file, flags, and whether results are for a machine."""

    config: Path | None = None
    flags: dict[str, str] = field(default_factory=dict)
    json: bool = False


class ColdframeGroup(TyperGroup):
    """The program. An error raised on purpose is reported without a traceback; any other keeps its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Accept `--config` and `--set` before and after the command alike."""
        return super().parse_args(ctx, hoisted(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; end with the exit code of what went wrong."""
        try:
            return super().invoke(ctx)
        except ColdframeError as error:
            report_error(error, as_json=isinstance(ctx.obj, Invocation) and ctx.obj.json)
            raise typer.Exit(error.exit_code) from error


def hoisted(args: list[str]) -> list[str]:
    """Move the options that may stand anywhere to the front; what follows `--` stays where it is.

    >>> hoisted(["train", "--set", "window.days=30", "--json"])
    ['--set', 'window.days=30', 'train', '--json']
    >>> hoisted(["similar", "--", "--set"])
    ['similar', '--', '--set']
    """
    front: list[str] = []
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return [*front, *rest, word, *words]
        if word in _ANYWHERE:
            front += [word, *(value for value in [next(words, None)] if value is not None)]
        else:
            (front if word.startswith(tuple(f"{name}=" for name in _ANYWHERE)) else rest).append(word)
    return [*front, *rest]
