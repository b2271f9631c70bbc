"""Hostile requests, thousands of them from one seed: what a broken client, a fuzzer or an attacker would send.

Each is bytes on a connection. `certain` marks those that must be refused; the others may turn out to be valid.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from payloads import (
    BATCHES,
    BODIES,
    CONTENT_TYPES,
    ID_PATHS,
    JSON,
    METHODS,
    NEVER_JSON,
    ODD_IDS,
    ODD_QUERIES,
    ODD_VALUES,
    QUERY_PATHS,
)


class Attack(NamedTuple):
    """One hostile request: what it tries, and its bytes. `framing`: broken below HTTP's own rules."""

    name: str
    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    certain: bool = False
    framing: bytes | None = None

    def wire(self) -> bytes:
        """Return what goes over the connection."""
        if self.framing is not None:
            return self.framing
        headers = (*self.headers, (b"Content-Length", str(len(self.body)).encode()))
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        head = b"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n" % (self.method, self.target, lines)
        return head + self.body


def corpus(count: int, *, seed: int = 7) -> Iterator[Attack]:
    """Yield `count` attacks, the same for the same seed: every family, every route, in a shuffled order."""
    rng = random.Random(seed)
    fixed = [attack for family in (_ids, _queries, _content_types, _methods, _framing, _bulk) for attack in family()]
    rng.shuffle(fixed)
    drawn = [_value, _structure, _flipped, _value]
    for index in range(count):
        yield fixed[index // 3] if index % 3 == 0 and index // 3 < len(fixed) else rng.choice(drawn)(rng)


def _json(name: str, route: tuple[str, str], body: bytes, *, certain: bool = False) -> Attack:
    return Attack(name, route[0].encode(), route[1].encode(), ((b"Content-Type", JSON),), body, certain)


def _route(rng: random.Random) -> tuple[tuple[str, str], object]:
    return rng.choice(list(BODIES.items()))


def _slots(value: object, put: Callable[[object], object] = lambda new: new) -> Iterator[Callable[[object], object]]:
    """Yield, for every place of a value, a function that returns the whole with something else there."""
    yield put
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:

        def put_child(new: object, key: object = key) -> object:
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = new
            return put(copy)

        yield from _slots(child, put_child)


def _value(rng: random.Random) -> Attack:
    """Put one hostile value somewhere into a valid body."""
    route, body = _route(rng)
    never = rng.random() < 0.5
    token = rng.choice(NEVER_JSON if never else ODD_VALUES)
    text = json.dumps(rng.choice(list(_slots(body)))("@@")).encode()
    return _json(f"value {token[:24]!r}", route, text.replace(b'"@@"', token), certain=never)


def _structure(rng: random.Random) -> Attack:
    """Break a valid body's outer form."""
    route, body = _route(rng)
    text = json.dumps(body).encode()
    first = text[1 : text.index(b":")]
    name, broken = rng.choice(
        [
            ("cut short", text[: rng.randrange(len(text))]),
            ("garbage after", text + b"}"),
            ("two values", text + text),
            ("byte order mark", b"\xef\xbb\xbf" + text),
            ("utf-16", json.dumps(body).encode("utf-16")),
            ("comment", b"/* */" + text),
            ("trailing comma", text[:-1] + b",}"),
            ("single quotes", text.replace(b'"', b"'")),
            ("same name twice", b"{" + first + b":null," + text[1:]),
            ("only spaces", b" \n\t "),
            ("NUL after", text + b"\x00"),
            ("unknown field", b'{"nobody_knows":1,' + text[1:]),
        ]
    )
    return _json(name, route, broken, certain=True)


def _flipped(rng: random.Random) -> Attack:
    """Change some bytes of a valid body at random."""
    route, body = _route(rng)
    text = bytearray(json.dumps(body).encode())
    for _ in range(rng.randint(1, 4)):
        text[rng.randrange(len(text))] = rng.randrange(256)
    return _json("bytes changed", route, bytes(text))


def _ids() -> Iterator[Attack]:
    for method, template in ID_PATHS:
        for odd in ODD_IDS:
            path, _, query = template.partition("?")
            target = path.encode().replace(b"{}", odd) + (b"?" + query.encode() if query else b"")
            yield Attack(f"id {odd[:24]!r}", method.encode(), target, (), b"", certain=odd in (b"%00", b"%ff"))


def _queries() -> Iterator[Attack]:
    for path in QUERY_PATHS:
        for odd in ODD_QUERIES:
            yield Attack(f"query {odd[:24]!r}", b"GET", path.encode() + b"?" + odd, (), b"")


def _content_types() -> Iterator[Attack]:
    for (method, path), body in BODIES.items():
        text = json.dumps(body).encode()
        for kind in CONTENT_TYPES:
            headers = ((b"Content-Type", kind),)
            yield Attack(f"content type {kind[:24]!r}", method.encode(), path.encode(), headers, text, certain=True)
        yield Attack("no content type", method.encode(), path.encode(), (), text, certain=True)


def _methods() -> Iterator[Attack]:
    for path in ("/v1/events", "/v1/items", "/v1/items/i", "/v1/models", "/healthz", "/metrics", "/docs", "/v1", "/"):
        for method in METHODS:
            yield Attack(f"method {method[:24]!r}", method, path.encode(), (), b"", certain=method != b"OPTIONS")


def _bulk() -> Iterator[Attack]:
    """Too much of everything."""
    for (method, path), body in BODIES.items():
        route = (method, path)
        yield _json("10 MB of spaces", route, json.dumps(body).encode() + b" " * 10_000_000, certain=True)
        yield _json("10 MB of brackets", route, b"[" * 10_000_000, certain=True)
        yield _json("1 MB of brackets", route, b"[" * 1_000_000, certain=True)
        yield _json("100,000 objects deep", route, b'{"events":' * 100_000 + b"1" + b"}" * 100_000, certain=True)
        yield _json("nothing", route, b"", certain=True)
        if path in BATCHES:
            yield _json("too many", route, b'{"%s":[%s0]}' % (BATCHES[path].encode(), b"0," * 1_000), certain=True)


def _framing() -> Iterator[Attack]:
    """Messages that break HTTP itself."""
    start = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    chunked = start + b"Transfer-Encoding: chunked\r\n\r\n"
    valid = json.dumps(BODIES["POST", "/v1/events"]).encode()
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(valid), valid)
    large = b"%x\r\n%s\r\n" % (100_000, b" " * 100_000)
    messages = {
        "chunk size is no number": chunked + b"zz\r\nhello\r\n0\r\n\r\n",
        "chunk longer than said": chunked + b"5\r\nhelloXX\r\n0\r\n\r\n",
        "chunks without an end": chunked + b"5\r\nhello\r\n",
        "chunk size huge": chunked + b"ffffffffffffffffff\r\n",
        "chunk size negative": chunked + b"-5\r\nhello\r\n0\r\n\r\n",
        "10 MB in chunks": chunked + large * 100 + b"0\r\n\r\n",
        "length and chunks": start + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + whole,
        "two transfer encodings": start + b"Transfer-Encoding: chunked, identity\r\n\r\n" + whole,
        "length negative": start + b"Content-Length: -5\r\n\r\nhello",
        "length no number": start + b"Content-Length: five\r\n\r\nhello",
        "two lengths": start + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "length huge": start + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
        "length too large, asks first": start + b"Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n",
        "body shorter than said": start + b"Content-Length: 500\r\n\r\nhello",
        "no request line": b"\r\n\r\n\r\n",
        "garbage": bytes(range(256)) + b"\r\n\r\n",
        "no version": b"GET /healthz\r\n\r\n",
        "version 9": b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "NUL in a header": start + b"X-A: a\x00b\r\n\r\n",
        "header without colon": start + b"NoColon\r\n\r\n",
        "header of 1 MB": start + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
        "10,000 headers": start + b"X-A: a\r\n" * 10_000 + b"\r\n",
        "no host": b"GET /v1/items/i HTTP/1.1\r\nConnection: close\r\n\r\n",
        "bad host": b"GET /v1/items/i HTTP/1.1\r\nHost: a b\xff\r\nConnection: close\r\n\r\n",
        "raw bytes in the path": b"GET /v1/items/\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "NUL in the path": b"GET /v1/items/a\x00b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "whole address": b"GET http://elsewhere/v1/items/i HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "tunnel": b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
        "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32,
        "upgrade": start.replace(b"close", b"Upgrade") + b"Upgrade: websocket\r\nContent-Length: 0\r\n\r\n",
    }
    for name, message in messages.items():
        yield Attack(name, b"", b"", (), b"", framing=message)
