"""Sends hostile requests to a real server on loopback and counts what it answers.

    python benchmarks/hostile.py [--count 2000] [--seed 7]

Fails on any 5xx, on a request that had to be refused and was not, on an error that is not a problem, and on a server
that does not live to the end.
"""

import argparse
import json
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from corpus import Attack, corpus
from served import Served, publish_small_bundle

SECONDS = 15.0
FIELDS = {"type", "title", "status", "code", "detail", "remedy"}


class Answer(NamedTuple):
    """What came back: status 0 where the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(peer: tuple[str, int], attack: Attack) -> Answer:
    """Send one attack on a connection of its own."""
    with socket.create_connection(peer, timeout=SECONDS) as connection:
        with suppress(OSError):  # refused before it was all sent: the answer is what counts
            connection.sendall(attack.wire())
        return parse(_received(connection), head=attack.method == b"HEAD")


def parse(raw: bytes, *, head: bool = False) -> Answer:
    """Return an answer's parts; a body that is cut short raises `ValueError`."""
    start, _, body = raw.partition(b"\r\n\r\n")
    lines = start.split(b"\r\n")
    if not lines[0].startswith(b"HTTP/1."):
        return Answer(0, {}, raw)
    headers = {
        k.strip().lower(): v.strip() for k, _, v in (line.decode("latin-1").partition(":") for line in lines[1:])
    }
    if not head and len(body) != int(headers.get("content-length", len(body))):
        raise ValueError("the answer is cut short")
    return Answer(int(lines[0].split()[1]), headers, body)


def fault(attack: Attack, answer: Answer) -> str | None:
    """Return what is wrong with an answer, or None."""
    if answer.status >= 500:
        return f"{answer.status}: {answer.body[:300]!r}"
    if answer.status == 0:
        return None if attack.framing is not None else "no answer"
    if attack.certain and not 400 <= answer.status < 500:
        return f"answered with {answer.status}: {answer.body[:300]!r}"
    if answer.status < 400 or attack.method == b"HEAD" or (attack.framing is not None and not answer.body):
        return None
    if not answer.body:
        return None if answer.status in (400, 414, 431) else "an error without a body"
    if answer.headers.get("content-type") != "application/problem+json":
        return f"an error of type {answer.headers.get('content-type')}"
    problem = json.loads(answer.body.decode("utf-8"))
    return None if set(problem) == FIELDS and problem["status"] == answer.status else f"not a problem: {problem}"


def run(peer: tuple[str, int], attacks: Iterable[Attack], *, clients: int = 8) -> tuple[Counter[str], list[str]]:
    """Send every attack; return how often each status came, and the faults."""
    statuses: Counter[str] = Counter()
    faults: list[str] = []

    def one(attack: Attack) -> tuple[Attack, Answer]:
        return attack, send(peer, attack)

    with ThreadPoolExecutor(clients) as pool:
        for attack, answer in pool.map(one, attacks):
            code = json.loads(answer.body)["code"] if _is_problem(answer) else "-"
            statuses[f"{answer.status or 'closed'} {code}"] += 1
            if (found := fault(attack, answer)) is not None:
                faults.append(f"{attack.name} to {attack.method!r} {attack.target[:60]!r}: {found}")
    return statuses, faults


def _is_problem(answer: Answer) -> bool:
    return answer.headers.get("content-type") == "application/problem+json" and bool(answer.body)


def _received(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    with suppress(ConnectionResetError):  # closed while we were still sending: what arrived before is the answer
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def with_bundle(data: Path) -> Served:
    """Return a server on a folder with a promoted bundle, so that every route has something to answer from."""
    publish_small_bundle(data)
    return Served(data)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, with_bundle(Path(folder)) as server:
        started = time.perf_counter()
        statuses, faults = run(server.peer, corpus(arguments.count, seed=arguments.seed))
        seconds = time.perf_counter() - started
        if not server.running():
            faults.append("the server ended")
    for status, count in sorted(statuses.items()):
        print(f"{status:<24}{count:>6}")
    print(f"{sum(statuses.values())} requests in {seconds:.1f} s, {len(faults)} faults")
    print("\n".join(faults[:40]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
