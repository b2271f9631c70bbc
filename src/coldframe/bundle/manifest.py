"""The manifest: what a bundle says it holds, as canonical JSON.

Owns reading and writing `manifest.json` and the id derived from its bytes. Never opens an array.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec

from coldframe.bundle import npy
from coldframe.errors import BundleError

FORMAT = "coldframe-bundle"
VERSION = 1
FILE_NAME = "manifest.json"
MAX_BYTES = 16 << 20
"""Largest manifest read, in bytes."""

ARRAY_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
BUNDLE_ID = re.compile(r"v([0-9]{1,6})-([0-9a-f]{16})")

_Size = Annotated[int, msgspec.Meta(ge=0, le=2**60)]


class ArrayEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifest says of one array. `bytes` is the size of the whole file, header included.

    `finite`: the array holds no NaN and no infinity, and a reader refuses it when it does.
    """

    file: str
    dtype: str
    shape: Annotated[tuple[_Size, ...], msgspec.Meta(max_length=npy.MAX_DIMENSIONS)]
    bytes: _Size
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    finite: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of `manifest.json`; `meta` is the trainer's and free."""

    format: str = FORMAT
    version: int = VERSION
    arrays: dict[str, ArrayEntry]
    meta: dict[str, Any]


def encode(manifest: Manifest) -> bytes:
    """Return the canonical bytes: sorted keys, UTF-8, no NaN. Raises `BundleError` for meta that JSON cannot hold."""
    try:
        _require_text_keys(manifest.meta)
        return _canonical(msgspec.structs.asdict(manifest) | {"arrays": _plain(manifest.arrays)})
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(
            f"The bundle's meta cannot be written as JSON: {error}.",
            remedy="Give it text keys and only text, finite numbers, booleans, None, lists and dicts.",
        ) from error


def decode(data: bytes) -> Manifest:
    """Return a manifest that is sound in itself. Raises `BundleError`; nothing is allocated for what it declares."""
    try:
        tree = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
        _check_version(tree)
        manifest = msgspec.convert(tree, Manifest)
        canonical = _canonical(tree)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise refusal(f"its {FILE_NAME} is not a manifest of this format: {error}") from error
    if canonical != data:
        raise refusal(f"its {FILE_NAME} is not in canonical form (sorted keys, one space of indentation, UTF-8)")
    for name, entry in manifest.arrays.items():
        _check_entry(name, entry)
    return manifest


def bundle_id(data: bytes) -> str:
    """Return the id of the bundle with this manifest: the format's version and 16 hex digits of its SHA-256.

    >>> bundle_id(b"{}")
    'v1-44136fa355b3678a'
    """
    return f"v{VERSION}-{hashlib.sha256(data).hexdigest()[:16]}"


def refusal(reason: str) -> BundleError:
    """Return the error for a bundle that cannot be used as it lies there; `format` adds which one it is."""
    return BundleError(reason, remedy="Train or copy it again; promote another one meanwhile.")


def newer_version(version: int) -> BundleError:
    """Return the error for a bundle of another format version."""
    return BundleError(
        f"it has format version {version} and this coldframe reads version {VERSION}",
        remedy="Use the coldframe version that wrote it, or train again with this one.",
    )


def _canonical(tree: Mapping[str, Any]) -> bytes:
    text = json.dumps(tree, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1)
    return f"{text}\n".encode()


def _plain(arrays: Mapping[str, ArrayEntry]) -> dict[str, dict[str, Any]]:
    return {name: msgspec.structs.asdict(entry) for name, entry in arrays.items()}


def _check_version(tree: object) -> None:
    found = cast("dict[str, object]", tree) if isinstance(tree, dict) else {}
    if found.get("format") != FORMAT:
        raise refusal(f"its {FILE_NAME} does not name the format {FORMAT!r}")
    version = found.get("version")
    if isinstance(version, int) and version != VERSION:
        raise newer_version(version)


def _check_entry(name: str, entry: ArrayEntry) -> None:
    if not ARRAY_NAME.fullmatch(name):
        raise refusal(f"{FILE_NAME} names an array {name!r}; names are a-z, 0-9, '_', '.', '-'")
    if entry.file != f"{name}.npy":
        raise refusal(f"{FILE_NAME} puts array {name!r} into {entry.file!r} instead of {name}.npy")
    if entry.dtype not in npy.DTYPES:
        raise refusal(f"{FILE_NAME} gives array {name!r} the dtype {entry.dtype!r}, which is not allowed")
    if entry.bytes != npy.file_size(entry.dtype, entry.shape):
        raise refusal(f"{FILE_NAME} gives array {name!r} a size that its dtype and shape contradict")


def _require_text_keys(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not text")
            _require_text_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            _require_text_keys(inner)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return tree


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number
