"""A lean HTTP client on loopback: many connections in one thread, requests sent at a given rate whether or not the ones
before are answered.

Owns sockets and times. Knows as much HTTP as coldframe's answers use: a status line and Content-Length.
"""

import selectors
import socket
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

Peer = tuple[str, int]
GRACE_SECONDS = 10.0


class Answer(NamedTuple):
    """One answer: its status (0: the connection ended) and the seconds from sending to the last byte."""

    status: int
    seconds: float


class Client:
    """One connection, with at most one request under way."""

    def __init__(self, peer: Peer) -> None:
        self.socket = socket.create_connection(peer, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0
        self._came = b""

    def send(self, request: bytes) -> None:
        """Send a request; the last one must have been answered."""
        self._came, self.sent = b"", perf_counter()
        self.socket.sendall(request)

    def read(self) -> Answer | None:
        """Read what has come; return the answer once it is whole."""
        part = self.socket.recv(262_144)
        self._came += part
        head, found, body = self._came.partition(b"\r\n\r\n")
        if not part:
            return Answer(0, perf_counter() - self.sent)
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return None
        return Answer(int(head.split(b" ", 2)[1]), perf_counter() - self.sent)


def get(path: str) -> bytes:
    """Return a request for a path."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def closed_loop(peer: Peer, make: Callable[[], bytes], *, clients: int, seconds: float) -> list[Answer]:
    """Return the answers to clients that each wait for one before they send the next."""
    answers: list[Answer] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            client = Client(peer)
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send(make())
        end = perf_counter() + seconds
        while (now := perf_counter()) < end:
            for key, _ in selector.select(end - now):
                if (answer := key.data.read()) is not None:
                    answers.append(answer)
                    key.data.send(make())
        _close(selector)
    return answers


def open_loop(peer: Peer, make: Callable[[], bytes], *, rate: float, seconds: float, most: int) -> list[Answer]:
    """Return the answers to `rate` requests a second, on as many connections as it takes, at most `most`.

    What is not answered ten seconds after the end counts as answered with status 0.
    """
    answers: list[Answer] = []
    idle: list[Client] = []
    busy: set[Client] = set()
    with selectors.DefaultSelector() as selector:
        begun, sent = perf_counter(), 0
        while (now := perf_counter() - begun) < seconds or (busy and now < seconds + GRACE_SECONDS):
            due = int(min(now, seconds) * rate) - sent
            for _ in range(min(due, most - len(busy))):
                client = idle.pop() if idle else _opened(peer, selector)
                client.send(make())
                busy.add(client)
                sent += 1
            for key, _ in selector.select(0.001):
                if (answer := key.data.read()) is not None:
                    answers.append(answer)
                    busy.discard(key.data)
                    if answer.status:
                        idle.append(key.data)
                    else:
                        selector.unregister(key.data.socket)
        _close(selector)
    return [*answers, *(Answer(0, seconds) for _ in busy)]


def _opened(peer: Peer, selector: selectors.BaseSelector) -> Client:
    client = Client(peer)
    selector.register(client.socket, selectors.EVENT_READ, client)
    return client


def _close(selector: selectors.BaseSelector) -> None:
    for key in list(selector.get_map().values()):
        key.data.socket.close()


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of the values do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
