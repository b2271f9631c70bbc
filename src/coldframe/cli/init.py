"""`coldframe init`: a documented coldframe.toml and the data folder beside it."""

from pathlib import Path
from typing import Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, line, say


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the project goes.", file_okay=False, show_default="here")
    ] = Path(),
    json: Json = False,
) -> None:
    """Start a project: write coldframe.toml, every setting explained, and the data folder beside it.

    Nothing is ever overwritten.

    Example: `coldframe init shop && cd shop`
    """
    config, data = write_project(folder)
    if json:
        emit({"config": str(config), "data": str(data)})
        return
    line(str(config))
    line(str(data))
    say("Next: coldframe import events FILE…")


def write_project(folder: Path) -> tuple[Path, Path]:
    """Write coldframe.toml and the data folder beside it; return both. Raises `InputError` when the file is there."""
    from coldframe.settings import FILE_NAME, Settings, documented_toml

    config, data = folder / FILE_NAME, folder / Settings().store.path
    _write_new(config, documented_toml())
    data.mkdir(exist_ok=True)
    return config, data


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet. Raises `InputError` when it is, or cannot be written."""
    from coldframe.errors import InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(
            f"{path} is already there; nothing was changed.", remedy="Edit it, or choose another folder."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", remedy="Choose another folder.") from error
