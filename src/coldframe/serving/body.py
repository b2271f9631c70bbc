"""Reads a request's body: strict JSON, and nothing that another parser would read differently.

Owns what counts as JSON here: UTF-8, finite numbers, whole surrogate pairs, each name once in an object, bounded
nesting, values of exactly the declared types. Never knows what a body means.
"""

import json
from collections import Counter
from typing import Any

import msgspec
from litestar import Request

from coldframe.errors import InputError
from coldframe.serving.problems import RefusedError


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def decode(body: bytes) -> Any:
    """Return the value of a JSON text.

    Two readers look at it: msgspec refuses what is not strict JSON, and the standard parser's object hook is the one
    place that still sees a repeated name, which readers resolve differently. Raises `RefusedError`.

    >>> decode(b'{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    try:
        value = msgspec.json.decode(body)
        _SECOND_READER.decode(body.decode())
    except _TwiceError as error:
        raise RefusedError("duplicate_key", f"The body has {error} twice in one object.") from error
    except RecursionError as error:
        raise RefusedError("nesting", "The body has too many brackets within brackets.") from error
    except UnicodeDecodeError as error:
        raise RefusedError("json", f"The body is not UTF-8: byte {error.start} is no part of a character.") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise RefusedError("json", f"The body cannot be read: {error}.") from error
    return value


def convert(value: Any, type_: Any) -> Any:
    """Return a decoded value as the type it has to be, without guessing ("3" is no number). Raises `InputError`.

    >>> convert([1, 2], list[int])
    [1, 2]
    """
    try:
        return msgspec.convert(value, type_)
    except (msgspec.ValidationError, OverflowError) as error:
        raise InputError(f"{error}.", remedy="Compare the body with /openapi.json.") from error
    except RecursionError as error:
        raise RefusedError("nesting", "The body has too many brackets within brackets.") from error


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is read by this module; a handler declares the type as `data`."""

    async def json(self) -> Any:
        """Return the body as the type that the handler's `data` declares. Raises `RefusedError` or `InputError`."""
        _require_json(self.headers.get("content-type"))
        value = decode(await self.body())
        declared = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        own = getattr(declared, "from_json", None)
        return own(value) if own is not None else convert(value, declared)


def _require_json(header: str | None) -> None:
    name, _, parameters = (header or "").partition(";")
    charset = parameters.partition("charset=")[2].strip().strip('"').lower()
    if name.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise RefusedError("media_type", "The body's Content-Type is not application/json in UTF-8.")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise _TwiceError(repr(name[:100]))
    return found


_SECOND_READER = json.JSONDecoder(object_pairs_hook=_each_name_once)
