"""`coldframe models`: which bundles there are, which one serves, and how to change that."""

import typer

from coldframe.cli.options import BundleArgument, Json
from coldframe.cli.output import emit, facts, say, table
from coldframe.cli.project import open_project

app = typer.Typer(no_args_is_help=True, help="List, show, promote and roll back trained bundles.")


@app.command("list")
def list_models(ctx: typer.Context, json: Json = False) -> None:
    """List every bundle, newest first; one of them serves.

    Example: `coldframe models list`
    """
    found = open_project(ctx).registry().list()
    if json:
        emit(found)
        return
    table(
        ("bundle", "created", "serves", "metrics"),
        [(b.bundle, b.created_at, b.promoted, [f"{k} {v:.4g}" for k, v in b.metrics.items()]) for b in found],
    )


@app.command("show")
def show_model(ctx: typer.Context, bundle: BundleArgument, json: Json = False) -> None:
    """Show a bundle's manifest: data window, seed, settings, metrics and every array with its hash.

    Example: `coldframe models show 20111209T120000-3f9a`
    """
    manifest = open_project(ctx).registry().manifest(bundle)
    if json:
        emit(manifest)
        return
    facts({name: value for name, value in manifest.items() if not isinstance(value, dict | list)}, title=bundle)


@app.command("promote")
def promote_model(ctx: typer.Context, bundle: BundleArgument, json: Json = False) -> None:
    """Verify a bundle and let it serve; a running service follows by itself.

    Example: `coldframe models promote 20111209T120000-3f9a`
    """
    open_project(ctx).registry().promote(bundle)
    _tell(bundle, json)


@app.command("rollback")
def rollback_model(ctx: typer.Context, json: Json = False) -> None:
    """Let the bundle that served before serve again.

    Example: `coldframe models rollback`
    """
    _tell(open_project(ctx).registry().rollback(), json)


def _tell(bundle: str, json: bool) -> None:
    if json:
        emit({"promoted": bundle})
        return
    say(f"{bundle} serves now.")
