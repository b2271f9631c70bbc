"""Calls an ASGI app with exactly the bytes given, as a server would that refuses nothing."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    app: Any,
    *,
    method: bytes = b"GET",
    target: bytes = b"/",
    headers: Iterable[tuple[bytes, bytes]] = (),
    parts: Iterable[bytes] | AsyncIterable[bytes] = (),
    complete: bool = True,
) -> Answer:
    """Return the answer to one request whose body comes in `parts`; unless `complete`, the client leaves early."""
    return asyncio.run(_call(app, _scope(method, target, headers), parts, complete))


async def _call(app: Any, scope: dict[str, Any], parts: Any, complete: bool) -> Answer:
    incoming, sent = _messages(parts, complete), []

    async def receive() -> dict[str, Any]:
        return await anext(incoming, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


async def _messages(parts: Any, complete: bool) -> AsyncIterator[dict[str, Any]]:
    if isinstance(parts, AsyncIterable):
        async for part in parts:
            yield {"type": "http.request", "body": part, "more_body": True}
    else:
        for part in parts:
            yield {"type": "http.request", "body": part, "more_body": True}
    if complete:
        yield {"type": "http.request", "body": b"", "more_body": False}


def _scope(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.decode("latin-1"),
        "scheme": "http",
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"localhost"), *((name.lower(), value) for name, value in headers)],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
