"""Several workers at one port: any of them may answer, and all know the same; one that dies is started again."""

import http.client
import json
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coldframe.bundle.registry import Registry
from coldframe.serving.workers import Workers

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import kills
import two_bundles
from served import Served

LANES = 16
"""Connections: that all of them reach one of two workers happens once in 32,768 runs."""
ITEMS = [f"item-{number:07d}" for number in range(300)]


class Shop:
    """A server with two workers, asked over connections that are kept and together reach both."""

    def __init__(self, folder: Path) -> None:
        self.bundles = two_bundles.publish(folder, len(ITEMS))
        self.data = folder / "coldframe-data"
        self.server = Served(self.data, workers=2)
        self.lanes = [http.client.HTTPConnection(*self.server.peer, timeout=10) for _ in range(LANES)]

    def ask(self, method: str, path: str, body: object = None, *, lane: int = 0) -> Any:
        headers = {} if body is None else {"Content-Type": "application/json"}
        self.lanes[lane].request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.lanes[lane].getresponse()
        told = answer.read()
        assert answer.status < 300, told
        return json.loads(told) if told.startswith(b"{") else told.decode()

    def lists(self, user: str, n: int = 10) -> list[list[tuple[str, float]]]:
        """Return a user's list from every connection, items and scores."""
        answers = [self.ask("GET", f"/v1/users/{user}/recommendations?n={n}", lane=lane) for lane in range(LANES)]
        return [[(item["item_id"], item["score"]) for item in answer["items"]] for answer in answers]

    def shown(self, user: str, n: int = 10) -> list[set[str]]:
        return [{item_id for item_id, _ in listed} for listed in self.lists(user, n)]

    def named(self) -> set[str]:
        """Return which bundles answer."""
        return {self.ask("GET", "/v1/users/x/recommendations", lane=lane)["bundle"] for lane in range(LANES)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(tmp_path_factory.mktemp("shop"))
    yield opened
    for lane in opened.lanes:
        lane.close()
    assert opened.server.stop() == 0


def within(seconds: float, reached: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not (found := reached()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def happened(user: str, item: str, number: int = 0) -> dict[str, str]:
    return {"event_id": f"{user}-{number}", "user_id": user, "item_id": item, "event_type": "purchase"}


def test_both_answer_at_one_port(shop: Shop) -> None:
    assert len(shop.server.workers()) == 2
    assert {shop.ask("GET", "/readyz", lane=lane)["bundle"] for lane in range(LANES)} == {shop.bundles[0]}
    before = _counted(shop, "/v1/models")
    for lane in range(LANES):
        shop.ask("GET", "/v1/models", lane=lane)
    assert _counted(shop, "/v1/models") == [number + LANES for number in before]


def _counted(shop: Shop, route: str) -> list[int]:
    """Return how many requests /metrics tells of, on every connection; it must be the same everywhere."""
    pattern = re.compile(rf'^coldframe_http_requests_total{{.*route="{route}".*}} (\S+)$', re.MULTILINE)
    told = [sum(map(float, pattern.findall(shop.ask("GET", "/metrics", lane=lane)))) for lane in range(LANES)]
    assert len(set(told)) == 1
    return told


def test_an_event_changes_the_next_answer_of_each(shop: Shop) -> None:
    (before,) = {tuple(listed) for listed in shop.lists("newcomer")}
    assert shop.ask("POST", "/v1/events", happened("newcomer", before[0][0]))["accepted"] == 1
    (after,) = {tuple(listed) for listed in shop.lists("newcomer")}
    assert after != before


def test_who_is_forgotten_is_a_stranger_to_each(shop: Shop) -> None:
    stranger = shop.lists("nobody")
    for number in range(8):
        shop.ask("POST", "/v1/events", happened("leaver", ITEMS[number], number), lane=number)
    assert all(known != unknown for known, unknown in zip(shop.lists("leaver"), stranger, strict=True))
    receipt = shop.ask("DELETE", "/v1/users/leaver", lane=3)
    assert receipt["erased"]["live_events"] == 8
    assert shop.lists("leaver") == stranger


def test_a_session_joined_through_one_counts_in_each(shop: Shop) -> None:
    event = happened("visit", ITEMS[0])
    shop.ask("POST", "/v1/events", {**event, "user_id": None, "session_id": "visit"}, lane=1)
    assert shop.lists("member") == shop.lists("nobody")
    shop.ask("POST", "/v1/identity/merge", {"session_id": "visit", "user_id": "member"}, lane=2)
    assert all(known != unknown for known, unknown in zip(shop.lists("member"), shop.lists("nobody"), strict=True))


def test_the_catalogue_is_the_same_to_each(shop: Shop) -> None:
    new, others = ITEMS[9], ITEMS[:9]
    shop.ask("POST", "/v1/items", {"items": [{"item_id": item} for item in others]})
    assert shop.shown("y", 20) == [set(others)] * LANES
    shop.ask("PUT", f"/v1/items/{new}", {}, lane=4)
    assert shop.shown("y", 20) == [{new, *others}] * LANES
    shop.ask("PUT", f"/v1/items/{others[0]}", {"available": False}, lane=5)
    shop.ask("DELETE", f"/v1/items/{others[1]}", lane=6)
    assert shop.shown("y", 20) == [{new, *others[2:]}] * LANES
    for item in (new, others[0], *others[2:]):
        shop.ask("DELETE", f"/v1/items/{item}")


def test_no_worker_names_an_older_bundle_once_a_promotion_is_answered(shop: Shop) -> None:
    one, other = shop.bundles
    assert shop.ask("POST", f"/v1/models/{other}/promote") == {"promoted": other, "live": other, "behind": 0}
    assert shop.named() == {other}
    assert shop.ask("POST", "/v1/models/rollback", lane=1) == {"promoted": one, "live": one, "behind": 0}
    assert shop.named() == {one}
    Registry(shop.data / "bundles").promote(other)
    assert within(5, lambda: shop.named() == {other})


def test_a_worker_that_is_killed_loses_nothing_and_comes_back(tmp_path: Path) -> None:
    """Clients post to both all the while, some events twice."""
    people = [kills.Client(f"c{index}", random.Random(index)) for index in range(6)]
    ended = threading.Event()

    def post(client: kills.Client) -> None:
        while not ended.is_set():
            client.post_until_killed(server.peer)

    with Served(tmp_path, workers=2) as server:
        threads = [threading.Thread(target=post, args=(client,)) for client in people]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        known = [len(client.acknowledged) for client in people]
        assert within(5, lambda: all(len(c.acknowledged) > k for c, k in zip(people, known, strict=True)))
        assert within(20, lambda: len(server.workers()) == 2 and before[0] not in server.workers())
        time.sleep(0.3)
        ended.set()
        server.kill()
        for thread in threads:
            thread.join()
    outcome = kills.compared(tmp_path, people, 1, 0.0)
    assert outcome.good, "\n".join(outcome.table())
    assert outcome.acknowledged > 100


def test_no_worker_outlives_who_started_it(tmp_path: Path) -> None:
    with Served(tmp_path, workers=2) as server:
        workers = server.workers()
        os.kill(server.pid, signal.SIGKILL)
        assert len(workers) == 2
        assert within(20, lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_only_who_lives_and_has_another_bundle_is_behind(tmp_path: Path) -> None:
    mine, other = Workers(tmp_path), Workers(tmp_path, os.getppid())
    gone = Workers(tmp_path, 2**22 + 1)
    gone.tell(lambda: "old")
    mine.tell(lambda: "new")
    assert (mine.behind("new"), mine.started()) == (0, 1)
    other.tell()
    assert (mine.behind("new"), mine.started(), mine.wait_for("new", seconds=0.05)) == (1, 1, 1)
    other.tell(lambda: "new")
    assert (mine.wait_for("new"), mine.started()) == (0, 2)
    other.leave()
    assert mine.started() == 1
