"""Which pages of other sites may call from a visitor's browser: none, unless `serving.cors_origins` names them.

Owns the headers of the fetch standard's CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol. It answers
before a key is asked for, because a browser sends none with its preflight, and adds its headers to refusals too, so
that a page can read why. Never allows cookies: a key is sent in a header.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from litestar.types import Message, Send

from coldframe.errors import SettingsError

METHODS = "DELETE, GET, POST, PUT"
HEADERS = "authorization, content-type"
EXPOSED = "Retry-After"
PREFLIGHT_SECONDS = 600
Headers = dict[bytes, bytes]


class Cors:
    """The origins that are allowed."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Raise `SettingsError` for what is no origin; `*` is none, so that nobody opens the service to all by it."""
        self._origins = frozenset(_checked(origin).encode() for origin in origins)

    def allows(self, headers: Headers) -> bool:
        """True when a request says that it comes from a page of an allowed origin."""
        return bool(self._origins) and headers.get(b"origin") in self._origins

    def is_preflight(self, method: str, headers: Headers) -> bool:
        """True when a browser asks what it may send, on behalf of an allowed page."""
        return method == "OPTIONS" and b"access-control-request-method" in headers and self.allows(headers)

    def sending(self, send: Send, headers: Headers) -> Send:
        """Return a `send` that adds what a browser wants to see."""
        if not self._origins:
            return send
        added = [(b"vary", b"Origin")]
        if self.allows(headers):
            added += [
                (b"access-control-allow-origin", headers[b"origin"]),
                (b"access-control-expose-headers", EXPOSED.encode()),
            ]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        return with_headers


async def answer_preflight(send: Send) -> None:
    """Say what an allowed page may send."""
    headers = {
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": HEADERS,
        "access-control-max-age": str(PREFLIGHT_SECONDS),
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": encoded})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _checked(origin: str) -> str:
    """Return an origin such as `https://shop.example:8443`.

    >>> _checked("https://shop.example")
    'https://shop.example'
    """
    parts = urlsplit(origin)
    plain = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or plain != origin or not origin.isascii():
        raise SettingsError(
            f"serving.cors_origins: {origin!r} is no origin.",
            remedy="Write scheme, host and port alone, as a browser sends them: https://shop.example",
        )
    if origin != origin.lower() or "@" in parts.netloc or "*" in parts.netloc:
        raise SettingsError(
            f"serving.cors_origins: {origin!r} is no origin.", remedy="Name each origin in lower case, without *."
        )
    return origin
