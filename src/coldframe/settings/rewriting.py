"""Changes values in a `coldframe.toml` that is there, and keeps everything else in it as it stands.

Owns that one edit: written beside, then renamed. Never decides a value.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from coldframe.errors import SettingsError


def rewrite(path: Path, values: Mapping[str, Any], *, evidence: Mapping[str, str]) -> None:
    """Set `section.name` → value in a settings file, each with its evidence as a comment on the line.

    Raises `SettingsError` when the file cannot be read or written; then it is as it was.
    """
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        for dotted, value in values.items():
            section, _, name = dotted.partition(".")
            table = document.setdefault(section, tomlkit.table())
            entry = tomlkit.item(value)
            if dotted in evidence:
                entry.comment(evidence[dotted])
            table[name] = entry
        beside = path.with_suffix(".toml.new")
        beside.write_text(tomlkit.dumps(document), encoding="utf-8")
        os.replace(beside, path)
    except (OSError, TOMLKitError) as error:
        raise SettingsError(
            f"{path} could not be rewritten: {error}.", remedy="Check it, or use --dry-run and copy the values."
        ) from error
