"""Slow clients and overload: what they do to those who behave.

Owns the two experiments. Both need a server with a promoted bundle; what it can do is measured first, on the spot.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from time import perf_counter, sleep

from faults import Outcome
from faults.wire import Answer, Peer, closed_loop, get, open_loop, percentile

ROUNDS = 5
CONNECTIONS = 900
"""Most connections of the overload; the server takes 1,024."""
REFUSED_SECONDS, RECOVERY_SECONDS, GOODPUT = 0.05, 10.0, 0.9
HALVES = (
    b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n[",
    b"GET /v1/u",
)


def asks() -> Iterator[bytes]:
    """Yield requests for lists, of a thousand users."""
    return (get(f"/v1/users/u{number % 1_000:03d}/recommendations?n=10") for number in count())


@contextmanager
def slow_clients(peer: Peer, clients: int) -> Iterator[None]:
    """Keep so many connections busy with requests that come a byte at a time, heads and bodies in turn."""
    stop = threading.Event()

    def dribble() -> None:
        sockets: dict[int, socket.socket] = {}
        while not stop.wait(0.5):
            for number in range(clients):
                try:
                    if number not in sockets:
                        sockets[number] = socket.create_connection(peer, timeout=1)
                        sockets[number].sendall(HALVES[number % 2])
                    sockets[number].send(b" ")
                except OSError:  # given up by the server: come again
                    with suppress(KeyError):
                        sockets.pop(number).close()
        for each in sockets.values():
            each.close()

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def dribble(peer: Peer, *, clients: int, seconds: float) -> Outcome:
    """Measure those who behave alone, then beside slow clients."""
    outcome = Outcome("slow clients", "every other request answered; their p99 at most doubled")
    asked = asks()
    alone = closed_loop(peer, lambda: next(asked), clients=4, seconds=seconds)
    with slow_clients(peer, clients):
        sleep(2)
        beside = closed_loop(peer, lambda: next(asked), clients=4, seconds=seconds)
    failed = sum(answer.status != 200 for answer in beside)
    p99 = [percentile([answer.seconds for answer in answers], 0.99) for answers in (alone, beside)]
    outcome.figures = {
        "slow": clients,
        "answered": len(beside) - failed,
        "failed": failed,
        "p99 ms": 1_000 * p99[1],
        "p99 ms without": 1_000 * p99[0],
        "p99 ratio": p99[1] / p99[0],
    }
    if failed or not beside:
        outcome.faults.append(f"{failed} of {len(beside)} requests beside slow clients failed")
    if p99[1] > 2 * p99[0]:
        outcome.faults.append(f"p99 is {p99[1] / p99[0]:.1f} times what it is alone")
    return outcome


def overload(peer: Peer, cpu: Callable[[], float], *, times: float, seconds: float) -> Outcome:
    """Send `times` as many requests as the server can answer, then see how soon it is as before.

    `cpu` says how many seconds of processor time the server has used.
    """
    outcome = Outcome(
        f"overload, {times:g} times capacity",
        f"goodput ≥ {GOODPUT:.0%} of capacity, the rest refused within {REFUSED_SECONDS * 1_000:.0f} ms (p99),"
        f" recovery ≤ {RECOVERY_SECONDS:.0f} s",
    )
    asked = asks()
    closed_loop(peer, lambda: next(asked), clients=8, seconds=1)
    alone: list[Answer] = []
    answers: list[Answer] = []
    spent = [0.0, 0.0]
    for _ in range(ROUNDS):  # in turns, so that whatever else this machine does falls on both
        moments = [cpu()]
        some = closed_loop(peer, lambda: next(asked), clients=8, seconds=seconds / ROUNDS)
        moments.append(cpu())
        rate = times * len(some) * ROUNDS / seconds
        answers += open_loop(peer, lambda: next(asked), rate=rate, seconds=seconds / ROUNDS, most=CONNECTIONS)
        alone += some
        moments.append(cpu())
        spent = [spent[0] + moments[1] - moments[0], spent[1] + moments[2] - moments[1]]
    recovery = _recovery(peer, asked)
    good = [answer.seconds for answer in answers if answer.status == 200]
    refused = [answer.seconds for answer in answers if answer.status == 503]
    outcome.figures = {
        "capacity /s": len(alone) / seconds,
        "offered /s": len(answers) / seconds,
        "answered /s": len(good) / seconds,
        "goodput": len(good) / len(alone),
        "goodput per CPU-second": len(good) / spent[1] / (len(alone) / spent[0]),
        "refused": len(refused),
        "refused p99 ms": 1_000 * percentile(refused, 0.99),
        "answered p99 ms": 1_000 * percentile(good, 0.99),
        "other": len(answers) - len(good) - len(refused),
        "recovery s": recovery,
    }
    outcome.faults += _excess(outcome.figures, answers)
    return outcome


def _excess(figures: dict[str, float], answers: list[Answer]) -> Iterator[str]:
    if figures["goodput"] < GOODPUT:
        yield f"goodput is {figures['goodput']:.0%} of capacity"
    if figures["refused p99 ms"] > REFUSED_SECONDS * 1_000:
        yield f"refusals take {figures['refused p99 ms']:.0f} ms"
    if figures["other"]:
        yield f"{figures['other']:.0f} of {len(answers)} requests got neither an answer nor a refusal"
    if figures["recovery s"] > RECOVERY_SECONDS:
        yield f"recovery takes {figures['recovery s']:.1f} s"


def _recovery(peer: Peer, asked: Iterator[bytes]) -> float:
    """Return the seconds until ten requests in a row are answered with 200."""
    begun, good = perf_counter(), 0
    while good < 10 and perf_counter() - begun < 2 * RECOVERY_SECONDS:
        found = closed_loop(peer, lambda: next(asked), clients=1, seconds=0.05)
        good = good + len(found) if all(answer.status == 200 for answer in found) else 0
    return perf_counter() - begun
