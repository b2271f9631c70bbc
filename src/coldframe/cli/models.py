"""`coldframe models`: which bundles there are, which one serves, and how to change that."""

import typer

from coldframe.cli.options import BundleArgument, Json
from coldframe.cli.output import emit, facts, say, table
from coldframe.cli.project import open_project

MOST = 4
"""Experts named in a row of the table of trust."""

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
    meta = manifest["meta"]
    plain = {name: value for name, value in (manifest | meta).items() if not isinstance(value, dict | list)}
    facts(plain, title=bundle)
    table(
        ("user's events", "item's events", "listed", "whom the mixer trusts"),
        [(row["user"], row["item"], row["n"], _most(row["shares"])) for row in meta.get("warmth", [])],
        title="trust by warmth",
    )


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


def _most(shares: dict[str, float]) -> list[str]:
    """Return the experts that carry most of a score, with their shares."""
    ordered = sorted(shares, key=lambda name: -shares[name])[:MOST]
    return [f"{name} {shares[name]:.0%}" for name in ordered if shares[name] >= 0.005]


def _tell(bundle: str, json: bool) -> None:
    if json:
        emit({"promoted": bundle})
        return
    say(f"{bundle} serves now.")
