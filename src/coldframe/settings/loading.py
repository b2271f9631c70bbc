"""Reads settings: `coldframe.toml`, then the environment, then flags, each value checked against its type and bounds.

Owns the order of authority and the wording of refusals. Never decides a default.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_origin, get_type_hints

import msgspec

from coldframe.errors import SettingsError
from coldframe.settings.sections import Settings

ENVIRONMENT_PREFIX = "COLDFRAME_"
FILE_NAME = "coldframe.toml"


class SettingInfo(NamedTuple):
    """One row of docs/settings.md."""

    name: str
    default: Any
    type: Any
    unit: str
    low: float | None
    high: float | None
    reason: str
    secret: bool = False


def describe() -> Iterator[SettingInfo]:
    """Yield every setting with its default, type, unit, bounds and reason."""
    defaults = Settings()
    for section in fields(Settings):
        tree = getattr(defaults, section.name)
        hints = get_type_hints(type(tree))
        for leaf in fields(tree):
            meta = leaf.metadata
            yield SettingInfo(
                f"{section.name}.{leaf.name}",
                getattr(tree, leaf.name),
                hints[leaf.name],
                meta["unit"],
                meta["low"],
                meta["high"],
                meta["reason"],
                meta["secret"],
            )


def load(
    path: Path | None = None, *, environment: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of a file, then the environment, then flags such as `{"window.days": "30"}`.

    Raises `SettingsError` naming the setting, where it was set and what would be accepted.
    """
    settings = Settings()
    if path is not None:
        settings = _with_file(settings, path)
    for name, value in (os.environ if environment is None else environment).items():
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            dotted = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".", 1)
            settings = with_value(settings, dotted, _parsed(dotted, value), source=name)
    for dotted, value in (flags or {}).items():
        settings = with_value(settings, dotted, _parsed(dotted, value), source=f"--set {dotted}")
    return settings


def with_value(settings: Settings, dotted: str, value: Any, *, source: str = "") -> Settings:
    """Return `settings` with one value replaced, checked against its type and bounds.

    >>> with_value(Settings(), "window.days", 30).window.days
    30
    """
    section_name, _, leaf_name = dotted.partition(".")
    if dotted not in _infos():
        raise SettingsError(f"{source or dotted}: no setting is called {dotted!r}.", remedy=_nearest(dotted))
    checked = _checked(_infos()[dotted], value, source or dotted)
    section = replace(getattr(settings, section_name), **{leaf_name: checked})
    return replace(settings, **{section_name: section})


def as_dict(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the tree as plain tables, as TOML and the bundle's manifest hold them: without secrets."""
    tables: dict[str, dict[str, Any]] = msgspec.to_builtins(settings)
    secrets = {name for name, info in _infos().items() if info.secret}
    return {
        section: {name: value for name, value in table.items() if f"{section}.{name}" not in secrets}
        for section, table in tables.items()
    }


@cache
def _infos() -> dict[str, SettingInfo]:
    return {info.name: info for info in describe()}


def _nearest(dotted: str) -> str:
    near = get_close_matches(dotted, _infos(), n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}docs/settings.md lists them all."


def _with_file(settings: Settings, path: Path) -> Settings:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path}: {error}.", remedy="Fix the file, or write a new one with `coldframe init`."
        ) from error
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise SettingsError(
                f"{path}: {section!r} is not a section.", remedy="Write [section] and then name = value."
            )
        for name, value in table.items():
            _refuse_secret(f"{section}.{name}", path)
            settings = with_value(settings, f"{section}.{name}", value, source=str(path))
    return settings


def _refuse_secret(dotted: str, path: Path) -> None:
    info = _infos().get(dotted)
    if info is not None and info.secret:
        raise SettingsError(
            f"{path}: {dotted} is a secret, and a file is copied and committed.",
            remedy=f"Set {ENVIRONMENT_PREFIX}{dotted.upper().replace('.', '__')} instead.",
        )


def _parsed(dotted: str, text: str) -> Any:
    """Read a flag's text: as it stands where the setting is text, else as a TOML value."""
    info = _infos().get(dotted)
    if info is None or info.type is str or get_origin(info.type) is Literal:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _checked(info: SettingInfo, value: Any, source: str) -> Any:
    try:
        converted = msgspec.convert(value, type=info.type)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{source}: {info.name} = {value!r}: {error}.", remedy=f"The default is {info.default!r}."
        ) from error
    numbers = converted.values() if isinstance(converted, dict) else [converted]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        below = info.low is not None and not number >= info.low
        if below or (info.high is not None and not number <= info.high):
            raise SettingsError(
                f"{source}: {info.name} = {value!r} is out of bounds.",
                remedy=f"Choose from {info.low} to {info.high} {info.unit}".rstrip() + ".",
            )
    return converted
