"""Requests over loopback, and what they cost a server: processor time of its process tree, and how long they took."""

import http.client
import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def processor_seconds(pid: int) -> float:
    """Return user and system time of a process tree so far."""
    fields = (Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in tree(pid))
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICK


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def close(self) -> None:
        """End the connection; the next request opens another."""
        self._connection.close()

    def get(self, path: str) -> bytes:
        """Return the body of an answer. Raises `RuntimeError` unless it is 200."""
        return self._asked("GET", path)

    def post(self, path: str, body: bytes) -> bytes:
        """Send JSON and return the body of the answer. Raises `RuntimeError` unless it is 200."""
        return self._asked("POST", path, body)

    def _asked(self, method: str, path: str, sent: bytes | None = None) -> bytes:
        self._connection.request(method, path, sent, {} if sent is None else {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered {answer.status}: {body[:200]!r}")
        return body


def path_of(number: int) -> str:
    """Return the address of one of 500 users' recommendations."""
    return f"/v1/users/user-{number % 500}/recommendations?n=10"


def cost(pid: int, port: int, requests: int, connections: int = 4) -> float:
    """Return the processor milliseconds of a server per request, asked by some connections in parallel."""
    before = processor_seconds(pid)
    closed_loop(port, requests, connections)
    return (processor_seconds(pid) - before) / requests * 1e3


def closed_loop(port: int, requests: int, connections: int) -> None:
    """Send so many requests, each connection the next when the last is answered."""
    in_parallel(
        connections,
        lambda client, share: [client.get(path_of(number)) for number in range(share, requests, connections)],
        port,
    )


def capacity(port: int, asked: int = 400, connections: int = 8) -> float:
    """Return how many requests a second a server answers, asked so many."""
    start = perf_counter()
    closed_loop(port, asked, connections)
    return asked / (perf_counter() - start)


def paced(port: int, rate: float, seconds: float, connections: int = 8) -> list[float]:
    """Return latencies in ms at so many requests a second, each from the moment it was due."""
    start, found = perf_counter() + 0.1, list[float]()

    def ask(client: Client, share: int) -> None:
        for number in range(share, int(rate * seconds), connections):
            due = start + number / rate
            sleep(max(0.0, due - perf_counter()))
            client.get(path_of(number * 7))
            found.append((perf_counter() - due) * 1e3)

    in_parallel(connections, ask, port)
    return found


def in_parallel(connections: int, ask: Callable[[Client, int], object], port: int) -> None:
    """Run one thread a connection."""

    def lane(share: int) -> None:
        with closing(Client(port)) as client:
            ask(client, share)

    threads = [threading.Thread(target=lane, args=(share,)) for share in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ready_seconds(port: Callable[[], int | None], path: str, limit: float = 120) -> float:
    """Return how long it takes until a path is answered 200. Raises `TimeoutError`."""
    start = perf_counter()
    while perf_counter() - start < limit:
        try:
            with closing(Client(port() or 1)) as client:
                client.get(path)
        except (OSError, RuntimeError, http.client.HTTPException):
            sleep(0.02)
            continue
        return perf_counter() - start
    raise TimeoutError(f"{path} was not answered 200 within {limit} seconds")
