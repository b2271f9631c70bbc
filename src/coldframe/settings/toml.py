"""Writes settings as TOML: the documented `coldframe.toml`, in which every line is a default waiting to be changed.

Owns the layout of the file. Never reads one.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin

from coldframe.settings.loading import ENVIRONMENT_PREFIX, SettingInfo, describe
from coldframe.settings.sections import Settings

_HEADER = """\
# Settings of coldframe. Every line shows a default: remove the "#" before a name to change its value.
# Authority grows downwards: this file, then the environment (COLDFRAME_WINDOW__DAYS=30), then a flag
# (--set window.days=30). `coldframe init` wrote this file and never overwrites it.
"""


def documented_toml() -> str:
    """Return a `coldframe.toml` that changes nothing and documents everything."""
    return _HEADER + "".join(_sections())


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it, on one line.

    >>> toml_value({"view": 0.1, "a b": True})
    '{ view = 0.1, "a b" = true }'
    >>> toml_value(["purchase"])
    '["purchase"]'
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(name))} = {toml_value(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(inner) for inner in value) + "]"
    if isinstance(value, float):
        return _float(value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def accepted_values(info: SettingInfo) -> str:
    """Return what a setting accepts, in words: its choices, or its bounds with their unit.

    >>> [accepted_values(info) for info in describe() if info.name in ("window.days", "recommend.repeat")]
    ['1 to 36500 days', 'one of auto, allow, exclude']
    """
    if get_origin(info.type) is Literal:
        return "one of " + ", ".join(get_args(info.type))
    if info.low is not None and info.high is not None:
        return f"{_number(info.low)} to {_number(info.high)} {info.unit}".rstrip()
    if get_origin(info.type) is dict:
        return "a map of texts, numbers and booleans"
    return {bool: "true or false", str: "text"}.get(info.type, "a list of texts")


def section_titles() -> dict[str, str]:
    """Return section → the sentence that says what it is for, in order."""
    defaults = Settings()
    return {f.name: (type(getattr(defaults, f.name)).__doc__ or "").strip() for f in fields(Settings)}


def _sections() -> Iterator[str]:
    for section, title in section_titles().items():
        yield f"\n[{section}]\n# {title}\n"
        for info in describe():
            if info.name.startswith(f"{section}."):
                yield _lines(info)


def _lines(info: SettingInfo) -> str:
    leaf = info.name.partition(".")[2]
    if info.secret:
        variable = f"{ENVIRONMENT_PREFIX}{info.name.upper().replace('.', '__')}"
        comment = [*textwrap.wrap(info.reason, width=110), f"A secret, so never in this file: set {variable}."]
        return "\n" + "".join(f"# {line}\n" for line in comment)
    comment = [*textwrap.wrap(info.reason, width=110), f"Accepts {accepted_values(info)}."]
    return "\n" + "".join(f"# {line}\n" for line in comment) + f"#{leaf} = {toml_value(info.default)}\n"


def _key(name: str) -> str:
    bare = name.isascii() and name.translate({95: None, 45: None}).isalnum()
    return name if bare else _quoted(name)


def _quoted(text: str) -> str:
    """Quote as JSON does, plus the one control character that JSON lets pass and TOML does not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _float(value: float) -> str:
    text = repr(value)
    return text if any(mark in text for mark in ".en") else f"{text}.0"


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)
