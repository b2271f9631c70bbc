"""`coldframe keys`: who may call the service over HTTP, and for what."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, line, say, table
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from coldframe.serving.key_file import KeyFile
    from coldframe.serving.keys import Key


class ScopeName(StrEnum):
    """What a key may do."""

    EVENTS = "events:write"
    RECOMMENDATIONS = "recommendations:read"
    ADMIN = "admin"


app = typer.Typer(no_args_is_help=True, help="Create, list and revoke the API keys of the service.")


@app.command("create")
def create_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will hold it, such as the shop's backend.")],
    scope: Annotated[
        list[ScopeName],
        typer.Option("--scope", metavar="SCOPE", help="events:write, recommendations:read or admin; repeatable."),
    ],
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", min=0.001, metavar="N", help="Its own limit, in requests a second (default: serving.rate)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a key and print its token, once: only its hash is kept. A running service knows it within a second.

    The first key closes a service that was open on the loopback address.

    Example: `coldframe keys create shop --scope events:write --scope recommendations:read`
    """
    from coldframe.clock import system_clock

    made = _file(ctx).create(name, [each.value for each in scope], clock=system_clock, rate=rate)
    if json:
        emit({**_shown(made.key), "token": made.token})
        return
    line(made.token)
    say(f"Key {made.key.id} of {name!r} may {', '.join(made.key.scopes)}. Keep the token: it is not shown again.")


@app.command("list")
def list_keys(ctx: typer.Context, json: Json = False) -> None:
    """List every key, revoked ones too: id, name, scopes, times; never a token.

    Example: `coldframe keys list`
    """
    found = [_shown(key) for key in _file(ctx).read()]
    if json:
        emit(found)
        return
    table(("id", "name", "scopes", "rate", "created", "revoked"), [tuple(key.values()) for key in found])
    say(f"{len(found)} shown." if found else "There is no key: coldframe keys create NAME --scope SCOPE.")


@app.command("revoke")
def revoke_key(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
    json: Json = False,
) -> None:
    """Let a key open no more; a running service knows within a second.

    To change a key without an interruption, create the new one, hand it over, then revoke the old one.

    Example: `coldframe keys revoke 1f0c9a7b`
    """
    from coldframe.clock import system_clock

    revoked = _shown(_file(ctx).revoke(key, clock=system_clock))
    if json:
        emit(revoked)
        return
    say(f"Key {key} of {revoked['name']!r} opens no more.")


def _file(ctx: typer.Context) -> "KeyFile":
    from coldframe.serving.key_file import KeyFile

    project = open_project(ctx)
    project.require_data()
    return KeyFile(project.data)


def _shown(key: "Key") -> dict[str, object]:
    """Return what may be seen of a key: everything but its hash."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "rate": key.rate,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
