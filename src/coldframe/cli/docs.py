"""Writes docs/cli.md and docs/settings.md from the program itself: `python -m coldframe.cli.docs docs`.

Owns the two pages; a test fails when they differ from what this file writes. Never runs a command.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from coldframe.cli import app
from coldframe.errors import ColdframeError
from coldframe.settings import describe, toml_value
from coldframe.settings.toml import accepted_values, section_titles

_CLI_INTRODUCTION = """\
# Command line

Written by `python -m coldframe.cli.docs docs` from the program itself; a test fails when the two differ.

Results go to stdout; progress and messages go to stderr. With `--json` stdout holds one JSON document and nothing
else, and an error is one JSON object on stderr: `{"error": {"code", "message", "remedy", "exit_code"}}`.
`--config` and `--set` may stand before or after the command. Settings are listed in [settings.md](settings.md).
"""

_SETTINGS_INTRODUCTION = """\
# Settings

Written by `python -m coldframe.cli.docs docs` from the program itself; a test fails when the two differ.

Authority grows downwards:

1. the default below,
2. `coldframe.toml`, as `coldframe init` writes it (`[window]`, then `days = 30`),
3. the environment (`COLDFRAME_WINDOW__DAYS=30`: section, two underscores, name),
4. a flag (`--set window.days=30`).

Lists and maps are written as TOML (`--set 'events.conversions=["purchase", "lease"]'`), and a map replaces the whole
default. A value out of bounds, of the wrong type or of an unknown name is refused with exit code 3.
"""


def cli_page() -> str:
    """Return docs/cli.md."""
    program = typer.main.get_command(app)
    return "\n".join([_CLI_INTRODUCTION, *_exit_codes(), *_command(program, "coldframe"), *_commands(program)])


def settings_page() -> str:
    """Return docs/settings.md."""
    return "\n".join([_SETTINGS_INTRODUCTION, *(line for section in section_titles() for line in _section(section))])


def exit_codes() -> dict[int, str]:
    """Return every exit code with what it means."""
    own = {error.exit_code: error for error in reversed([*_errors(ColdframeError)])}
    return {
        0: "Success.",
        1: "A replay that differs. Elsewhere something unexpected; a traceback says where. Please report it.",
        2: "Usage: an unknown command or option, a missing or malformed argument.",
        **{code: f"{inspect.getdoc(error)} (`{error.code}`)" for code, error in sorted(own.items()) if code > 2},
        130: "Interrupted with Ctrl-C, or a training with SIGTERM.",
    }


def commands(program: Any, name: str = "coldframe") -> Iterator[tuple[str, Any]]:
    """Yield every command below a group with its full name."""
    for child_name, child in program.commands.items():
        if hasattr(child, "commands"):
            yield from commands(child, f"{name} {child_name}")
        else:
            yield f"{name} {child_name}", child


def _errors(base: type[ColdframeError]) -> Iterator[type[ColdframeError]]:
    yield base
    for error in base.__subclasses__():
        yield from _errors(error)


def _exit_codes() -> list[str]:
    rows = [f"| {code} | {meaning} |" for code, meaning in exit_codes().items()]
    return ["## Exit codes", "", "| code | meaning |", "|---|---|", *rows, ""]


def _commands(program: Any) -> Iterator[str]:
    for name, command in commands(program):
        yield from _command(command, name)


def _command(command: Any, name: str) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    shown = " ".join(_argument_usage(argument) for argument in arguments)
    trailing = "COMMAND …" if hasattr(command, "commands") else shown
    yield from (f"## {name}", "", "```", f"{name} [OPTIONS] {trailing}".rstrip(), "```", "", command.help or "", "")
    rows = [f"| {_names(parameter)} | {_meaning(parameter)} |" for parameter in command.params]
    if rows:
        yield from ("| argument or option | meaning |", "|---|---|", *rows, "")


def _argument_usage(argument: Any) -> str:
    metavar = argument.metavar or argument.name.upper()
    return metavar if argument.required else f"[{metavar.strip('[]')}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name.upper()).strip('[]')}`"
    switches = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    return switches if parameter.is_flag else f"{switches} `{parameter.metavar}`"


def _meaning(parameter: Any) -> str:
    default = parameter.default
    plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    shown = f" Default: `{default}`." if plain else ""
    required = " Required." if parameter.required and parameter.param_type_name == "option" else ""
    return f"{parameter.help or ''}{shown}{required}".replace("|", "\\|").replace("\n", " ")


def _section(section: str) -> Iterator[str]:
    yield from (f"## {section}", "", section_titles()[section], "")
    yield from ("| setting | default | accepts | why |", "|---|---|---|---|")
    for info in describe():
        if info.name.startswith(f"{section}."):
            default = toml_value(info.default)
            yield f"| `{info.name}` | `{default}` | {accepted_values(info)} | {info.reason} |"
    yield ""


def main(folder: Path) -> None:
    """Write both pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cli.md").write_text(cli_page(), encoding="utf-8")
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
