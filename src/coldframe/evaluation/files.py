"""Event files and the name of a protocol → a `Split`.

Owns how `--split` is spelt. Never reads a file itself: `events.reading` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from coldframe.domain import Item, User
from coldframe.errors import InputError
from coldframe.evaluation.column_split import COLUMN, column_split
from coldframe.evaluation.plan import Split
from coldframe.evaluation.published import published_split
from coldframe.evaluation.reading import complete_events
from coldframe.evaluation.time_split import TIME, time_split
from coldframe.events.reading import OnRefused, read_events, read_items, read_users

FORMS = "Write time:SHARE (time:0.9) or column:NAME."


@dataclass(frozen=True)
class Files:
    """What to read: event files and how their columns are called (as for `coldframe import`), items and users."""

    events: Sequence[Path]
    items: Path | None = None
    users: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    constants: Mapping[str, str] = field(default_factory=dict[str, str])
    on_refused: OnRefused | None = None


@dataclass(frozen=True)
class Protocol:
    """How events are split: `test` is a published split's second file, else `split` says it in words.

    `values` maps our names of a column's parts to the file's; `discovery`, `young`, `within` (its `horizon`) and
    `refit_days` are those of `time_split`.
    """

    test: Path | None = None
    split: str | None = None
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    discovery: bool = False
    young: bool = False
    within: int | None = None
    refit_days: int | None = None
    repeat: Literal["auto", "allow", "exclude"] = "auto"


def read_split(files: Files, protocol: Protocol) -> Split:
    """Return the split of the files that a protocol describes.

    Raises `InputError` unless the protocol is exactly one of a test file, `time:SHARE` and `column:NAME`, or when it
    comes with an option of another; and what reading and the split itself raise.
    """
    kind, argument = parsed(protocol)
    if not files.events:
        raise InputError("There is no event file to learn from.", remedy="Name one: --events FILE.")
    catalogue = _items(files), _users(files)
    if protocol.test is not None:
        train, test = (complete_events(_events(files, paths)) for paths in (files.events, [protocol.test]))
        return published_split(train, test, *catalogue)
    if kind == COLUMN:
        events = complete_events(_events(files, files.events, keep=argument), keep=argument)
        return column_split(events, *catalogue, column=argument, values=protocol.values)
    events = _events(files, files.events)
    if "timestamp" not in events.columns:
        raise InputError("Without times there is no split by time.", remedy="Name the column: --columns timestamp=…")
    return time_split(
        complete_events(events),
        *catalogue,
        fraction=float(argument),
        repeat=protocol.repeat,
        discovery=protocol.discovery,
        young=protocol.young,
        horizon=protocol.within,
        refit_days=protocol.refit_days,
    )


def parsed(protocol: Protocol) -> tuple[str, str]:
    """Return the kind of a split and its argument, without reading anything. Raises `InputError` as `read_split`.

    >>> parsed(Protocol(split="time:0.9"))
    ('time', '0.9')
    """
    if (protocol.test is None) == (protocol.split is None):
        raise InputError("Exactly one of --test and --split says what to test on.", remedy=FORMS)
    kind, _, argument = (protocol.split or "test:").partition(":")
    named = (kind == COLUMN and bool(argument)) or (kind == TIME and _is_number(argument))
    if not named and protocol.test is None:
        raise InputError(f"{protocol.split!r} is no split.", remedy=FORMS)
    if protocol.values and kind != COLUMN:
        raise InputError("--split-values belongs to --split column:NAME.", remedy=FORMS)
    for flag in ("discovery", "young", "within", "refit_days"):
        if getattr(protocol, flag) and kind != TIME:
            raise InputError(f"--{flag.replace('_', '-')} belongs to --split time:SHARE.", remedy=FORMS)
    return kind, argument


def _events(files: Files, paths: Sequence[Path], keep: str | None = None) -> pl.DataFrame:
    return read_events(paths, files.columns, files.constants, keep=keep, on_refused=files.on_refused)


def _items(files: Files) -> list[Item]:
    return [] if files.items is None else read_items(files.items, on_refused=files.on_refused)


def _users(files: Files) -> list[User]:
    return [] if files.users is None else read_users(files.users, on_refused=files.on_refused)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
