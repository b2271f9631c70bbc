"""Measures durable events a second over HTTP: single events from many clients, and batches; beside one fsync an event.

    python benchmarks/ingest.py [--folder DIR] [--clients 64] [--batch 100] [--seconds 5]

Server and clients share this machine's cores: the CPU time of each is printed per event, which a busy machine changes
less than the rate. The folder's disk is what is measured (default: the working directory). One fsync an event is given
every advantage: no HTTP, one thread, the same tables.
"""

import argparse
import os
import selectors
import socket
import statistics
import sys
import tempfile
from binascii import b2a_hex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path
from time import perf_counter, process_time

from served import Served

_EVENT = b'{"event_id":"%s","user_id":"user-%03d","item_id":"item-%03d","event_type":"view"}'
_HEAD = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
WARM_SECONDS = 0.5


def request(run: bytes, numbers: Iterator[int], batch: int) -> bytes:
    """Return a request with new events; a batch of 1 is a single event. Ids come in no order, as UUIDs do."""
    events = [
        _EVENT % (b2a_hex(blake2b(b"%s-%d" % (run, number), digest_size=16).digest()), number % 1_000, number % 500)
        for number in (next(numbers) for _ in range(batch))
    ]
    body = events[0] if batch == 1 else b"[" + b",".join(events) + b"]"
    return _HEAD % len(body) + body


class Connection:
    """One client: sends a request, waits for its whole answer, sends the next. Speaks no more HTTP than that."""

    def __init__(self, peer: tuple[str, int], make: Callable[[], bytes]) -> None:
        self.socket = socket.create_connection(peer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waits: list[float] = []
        self.refused = 0
        self._make = make
        self._begun, self._left, self._head, self._taken = 0.0, -1, b"", False

    def send(self) -> None:
        """Send the next request."""
        wire = self._make()
        self._begun = perf_counter()
        self.socket.sendall(wire)

    def answered(self) -> bool:
        """Read what has come; True when the answer is complete. Raises `RuntimeError` for another than 200 or 503."""
        part = self.socket.recv(262_144)
        if self._left < 0:
            self._head += part
            head, found, part = self._head.partition(b"\r\n\r\n")
            if not found:
                return False
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503")):
                raise RuntimeError(f"the server answered {head + part!r}")
            self._taken = head.startswith(b"HTTP/1.1 200")
            self._left = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            self._head = b""
        self._left -= len(part)
        if self._left:
            return False
        if self._taken:
            self.waits.append(perf_counter() - self._begun)
        self.refused += not self._taken
        self._left = -1
        return True


@dataclass(frozen=True)
class Rate:
    """What one measurement found; CPU in seconds per event."""

    events: int
    seconds: float
    waits: tuple[float, ...]
    refused: int
    server_cpu: float
    client_cpu: float

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    def line(self, what: str, beside: float) -> str:
        """Return what to print: the rate, how many times `beside` it is, how long a client waits, what it costs."""
        p50, p99 = (statistics.quantiles(self.waits, n=100)[at] * 1_000 for at in (49, 98))
        return (
            f"{what:<40}{self.per_second:>10,.0f} events/s {self.per_second / beside:>6.0f} x"
            f"   p50 {p50:.1f} ms, p99 {p99:.1f} ms   CPU an event: server {self.server_cpu * 1e6:.1f} µs,"
            f" client {self.client_cpu * 1e6:.1f} µs" + f"   {self.refused} refused" * bool(self.refused)
        )


def measure(server: Served, *, clients: int, batch: int, seconds: float, run: str) -> Rate:
    """Post from many connections for some seconds, each waiting for its answer before it goes on."""
    numbers = count()
    connections = [Connection(server.peer, lambda: request(run.encode(), numbers, batch)) for _ in range(clients)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        _drive(selector, perf_counter() + WARM_SECONDS)
        for connection in connections:
            connection.waits.clear()
            connection.refused = 0
        begun, worked, spent = perf_counter(), process_time(), server.cpu_seconds()
        _drive(selector, begun + seconds)
        elapsed, worked, spent = perf_counter() - begun, process_time() - worked, server.cpu_seconds() - spent
    waits = tuple(wait for connection in connections for wait in connection.waits)
    for connection in connections:
        connection.socket.close()
    events = len(waits) * batch
    refused = sum(connection.refused for connection in connections)
    return Rate(events, elapsed, waits, refused, spent / events, worked / events)


def _drive(selector: selectors.BaseSelector, end: float) -> None:
    while perf_counter() < end:
        for key, _ in selector.select(timeout=0.1):
            if key.data.answered():
                key.data.send()


def one_fsync_an_event(folder: Path, seconds: float) -> float:
    """Return how many events a second the store takes when each is committed alone."""
    from datetime import UTC, datetime

    from coldframe.domain import Event
    from coldframe.settings import Settings
    from coldframe.store.sqlite import SQLiteStore

    store = SQLiteStore(folder, replace(Settings().store, commit_interval_ms=0.0))
    begun, done = perf_counter(), 0
    while (elapsed := perf_counter() - begun) < seconds:
        event = Event(
            event_id=f"alone-{done:08d}",
            user_id=f"user-{done % 1_000:03d}",
            item_id=f"item-{done % 500:03d}",
            event_type="view",
            timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        )
        store.append_events([event])
        done += 1
    store.close()
    return done / elapsed


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=given.folder, prefix=".bench-") as folder:
        alone = one_fsync_an_event(Path(folder) / "alone", given.seconds)
        print(f"{'one fsync an event, no HTTP':<40}{alone:>10,.0f} events/s")
        with Served(Path(folder) / "data") as server:
            for clients, batch in ((1, 1), (given.clients, 1), (8, given.batch), (given.clients, given.batch)):
                rate = measure(server, clients=clients, batch=batch, seconds=given.seconds, run=f"{clients}x{batch}")
                print(rate.line(f"{clients} clients, {batch} an answer", alone))
    return 0


if __name__ == "__main__":
    sys.exit(main())
