"""Experts and mixers to arrays and plain values, and back: how they cross from training to serving.

Owns the names inside a bundle: `<expert>.<field>`, nested fields joined by dots. A part is a frozen dataclass whose
fields are arrays, numbers, text, or such dataclasses again; nothing else can cross.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast, get_type_hints

import numpy as np
from numpy.typing import NDArray

from coldframe.errors import BundleError

Arrays = dict[str, NDArray[Any]]
Plain = dict[str, Any]


def disassemble(part: Any, prefix: str) -> tuple[Arrays, Plain]:
    """Return the arrays of a part under `prefix`, and its plain fields with the name of its class as `kind`."""
    arrays: Arrays = {}
    plain: Plain = {"kind": type(part).__name__}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, np.ndarray):
            arrays[f"{prefix}.{field.name}"] = np.ascontiguousarray(value)
        elif is_dataclass(value):
            inner, plain[field.name] = disassemble(value, f"{prefix}.{field.name}")
            arrays |= inner
        else:
            plain[field.name] = value
    return arrays, plain


def assemble(kinds: Sequence[type], arrays: Mapping[str, NDArray[Any]], plain: Plain, prefix: str) -> Any:
    """Return the part that `disassemble` took apart. Raises `BundleError` for an unknown kind or a missing field."""
    kind = next((each for each in kinds if each.__name__ == plain.get("kind")), None)
    if kind is None:
        raise BundleError(
            f"The bundle's part {prefix!r} is of the kind {plain.get('kind')!r}, which this coldframe does not know.",
            remedy="Use the coldframe version that trained it, or train again with this one.",
        )
    return kind(**{field.name: _value(kind, field.name, kinds, arrays, plain, prefix) for field in fields(kind)})


def _value(
    kind: type, name: str, kinds: Sequence[type], arrays: Mapping[str, NDArray[Any]], plain: Plain, prefix: str
) -> Any:
    if f"{prefix}.{name}" in arrays:
        return arrays[f"{prefix}.{name}"]
    if name not in plain:
        raise BundleError(f"The bundle's part {prefix!r} lacks {name!r}.", remedy="Train again with this version.")
    value = plain[name]
    if isinstance(value, dict) and "kind" in value:
        hint = get_type_hints(kind)[name]
        return assemble((*kinds, hint), arrays, cast("Plain", value), f"{prefix}.{name}")
    return value
