"""`coldframe forget` and `coldframe erasures`: remove all there is of a user, and the receipts of that."""

from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Json, UserArgument
from coldframe.cli.output import cell, emit, facts, say, table
from coldframe.cli.project import open_project

if TYPE_CHECKING:
    from coldframe.store.people import Erasure


def forget(ctx: typer.Context, user: UserArgument, json: Json = False) -> None:
    """Remove all there is of a user: events, joined sessions, record, lists shown, refused rows. There is no way back.

    A running service shows nothing of the user from the first moment on. The receipt is printed and kept.

    Example: `coldframe forget 12346`
    """
    from coldframe.clock import system_clock
    from coldframe.domain import UserId

    with open_project(ctx).store() as store:
        receipt = store.forget_user(UserId(user), now=system_clock())
    if json:
        emit(receipt)
        return
    facts({"receipt": receipt.erasure_id, "user hash": receipt.user_hash, **receipt.erased})
    say("Forgotten. The next training learns without the user.")


def erasures(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many to show, newest first.")] = 100,
    json: Json = False,
) -> None:
    """Show the receipts of who was forgotten, newest first. They name nobody.

    Example: `coldframe erasures --limit 20`
    """
    with open_project(ctx).store() as store:
        found = list(store.erasures(limit=limit))
    if json:
        emit(found)
        return
    table(("receipt", "user hash", "asked", "finished", "erased"), [_row(receipt) for receipt in found])
    say(f"{len(found)} shown." if found else "Nobody was ever forgotten.")


def _row(receipt: "Erasure") -> tuple[object, ...]:
    erased = [f"{cell(number)} {place}" for place, number in receipt.erased.items() if number]
    return receipt.erasure_id, receipt.user_hash[:16], receipt.asked_at, receipt.finished_at, erased
