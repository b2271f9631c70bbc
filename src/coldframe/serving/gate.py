"""What a request passes before the app sees it: address, access, rate, size and pace of the body, and whether there is
room; and who counts it after.

Owns the order of these, and every limit that does not depend on the route. Works below the framework, so that unknown
routes, wrong methods and endless bodies meet the same answers as everything else.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import msgspec
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from coldframe.serving.access import Access
from coldframe.serving.cors import Cors, answer_preflight
from coldframe.serving.metrics import ServingMetrics
from coldframe.serving.problems import MEDIA_TYPE, RefusedError
from coldframe.serving.rates import RateLimits
from coldframe.settings import ServingSettings

MAX_PATH_BYTES = 8_192
"""An id of 512 characters of four bytes each, percent-encoded, and the words around it."""
MAX_QUERY_BYTES = 65_536
BODY_SECONDS = 10.0
"""How long a whole body may take to arrive."""
DRAIN_BYTES = 64 * 1_048_576
"""How much of a body that is too large is read and dropped, so that its sender hears the answer."""
SLASH = "\x00"
"""Stands for an encoded slash while routes are matched; NUL itself is never part of an address."""


class Gate:
    """Wraps an app; answers what it must not see and counts every answer."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServingSettings,
        metrics: ServingMetrics,
        access: Access,
        rates: RateLimits,
        *,
        body_seconds: float = BODY_SECONDS,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._access = access
        self._rates = rates
        self._cors = Cors(settings.cors_origins)
        self._max_body = settings.max_body_bytes
        self._metrics = metrics
        self._body_seconds = body_seconds
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = self._timer(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._checked(cast(HTTPScope, scope), receive, watched)
        finally:
            route = scope.get("path_template")
            self._metrics.request(scope["method"], route, status, self._timer() - started)

    async def _checked(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        send = self._cors.sending(send, headers)
        try:
            scope["path"] = readable_path(scope)
            if self._cors.is_preflight(scope["method"], headers):
                await answer_preflight(send)
                return
            self._admit(scope, headers)
            body = b"" if _has_none(scope, headers) else await self._body(receive, headers)
        except RefusedError as refusal:
            await _answer(send, refusal)
            return
        await self._app(scope, _replay(body, receive), send)

    def _admit(self, scope: HTTPScope, headers: dict[bytes, bytes]) -> None:
        """Let a caller through who may call, and not too often; the app finds the key in the scope's state."""
        path = scope["path"]
        key = self._access.caller(path, headers.get(b"authorization", b"").decode("latin-1"))
        if path not in self._access.open_paths:
            self._rates.take(key)
        scope.setdefault("state", {})["key"] = key
        if not self._cors.allows(headers):
            _require_own_page(scope["method"], headers)

    async def _body(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        """Read the whole body, within size and time."""
        parts: list[bytes] = []
        size, limit = 0, self._max_body
        if b"expect" in headers and int(headers.get(b"content-length", b"0")) > limit:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._body_seconds):
                async for part in _parts(receive):
                    size += len(part)
                    if size <= limit:
                        parts.append(part)
                    elif size > limit + DRAIN_BYTES:
                        break
        except TimeoutError as error:
            raise RefusedError(
                "timeout", f"The body was not complete after {self._body_seconds:g} seconds.", headers=_CLOSE
            ) from error
        if size > limit:
            raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> RefusedError:
        return RefusedError("too_large", f"The body is larger than {self._max_body} bytes.", headers=_CLOSE)


_CLOSE = {"connection": "close"}


def readable_path(scope: HTTPScope) -> str:
    """Return the path as text, decoded once; a slash within a segment is `SLASH`. Raises `RefusedError`.

    >>> readable_path({"raw_path": b"/v1/items/caf%C3%A9"})
    '/v1/items/café'
    """
    raw = scope["raw_path"].partition(b"?")[0]
    if len(raw) > MAX_PATH_BYTES or len(scope.get("query_string", b"")) > MAX_QUERY_BYTES:
        raise RefusedError(
            "uri_too_long", f"The path has more than {MAX_PATH_BYTES} bytes, or the query {MAX_QUERY_BYTES}."
        )
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw.split(b"/")] if b"%" in raw else [raw.decode()]
        query = scope.get("query_string", b"")
        query = (unquote_to_bytes(query) if b"%" in query else query).decode()
    except UnicodeDecodeError as error:
        raise RefusedError("path", "The address is not UTF-8.") from error
    if any("\x00" in part for part in (*parts, query)):
        raise RefusedError("path", "The address has a NUL character.")
    return "/".join(part.replace("/", SLASH) for part in parts) if len(parts) > 1 else parts[0]


def restore_slashes(path_params: dict[str, Any]) -> dict[str, Any]:
    """Return path parameters with the slashes that were encoded in the address."""
    return {name: value.replace(SLASH, "/") if isinstance(value, str) else value for name, value in path_params.items()}


def _headers(scope: HTTPScope) -> dict[bytes, bytes]:
    """Return the first value of each header."""
    return dict(reversed([(name, value) for name, value in scope["headers"]]))


def _require_own_page(method: str, headers: dict[bytes, bytes]) -> None:
    """Refuse writes that a page of another site makes a visitor's browser send."""
    if method not in ("GET", "HEAD", "OPTIONS") and headers.get(b"sec-fetch-site") == b"cross-site":
        raise RefusedError("origin", "The request was sent by a page of another site.")


def _has_none(scope: HTTPScope, headers: dict[bytes, bytes]) -> bool:
    """Return whether a request has no body, by what HTTP/1.1 says of its head (RFC 9112, section 6)."""
    announced = b"content-length" in headers or b"transfer-encoding" in headers
    return scope["method"] == "GET" and not announced


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError("incomplete", "The connection ended before the body did.", headers=_CLOSE)
        yield message["body"]
        more = message.get("more_body", False)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands over a body already read."""
    given = False

    async def replay() -> HTTPReceiveMessage:
        nonlocal given
        if given:
            return cast(HTTPReceiveMessage, await receive())
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return cast(Receive, replay)


async def _answer(send: Send, refusal: RefusedError) -> None:
    body = msgspec.json.encode(refusal.problem)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **refusal.headers}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})
