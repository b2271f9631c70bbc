"""The real server: addresses, start without a model, a polite end, and ends that are not polite."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from coldframe.clock import system_clock
from coldframe.errors import AccessError, SettingsError, StoreError
from coldframe.serving.key_file import KeyFile
from coldframe.serving.server import free_port, serve
from coldframe.settings import ServingSettings, Settings
from coldframe.store.sqlite import SQLiteStore

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import ingest
import kills
from corpus import corpus
from hostile import run
from served import Served

WAITED_FOR = {"body shorter than said", "chunks without an end", "upgrade", "tunnel", "no request line"}
"""Attacks that end only when a time limit does; benchmarks/hostile.py waits for them."""


def ask(server: Served, method: str, path: str, body: object = None, *, token: str = "") -> tuple[int, object]:
    connection = http.client.HTTPConnection(*server.peer, timeout=10)
    headers = {} if body is None else {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_the_process_that_only_watches_loads_no_http_framework() -> None:
    seen = "import sys, coldframe.serving.server; print('litestar' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_it_takes_events_without_a_model_and_ends_politely(tmp_path: Path) -> None:
    with Served(tmp_path) as server:
        assert ask(server, "GET", "/healthz")[0] == 200
        status, problem = ask(server, "GET", "/readyz")
        assert (status, problem["code"]) == (503, "bundle")
        status, report = ask(server, "POST", "/v1/events", [kills.event(f"e-{number}") for number in range(100)])
        assert (status, report["accepted"]) == (200, 100)
        assert server.stop() == 0
    store = SQLiteStore(tmp_path, Settings().store)
    assert store.counts().events == 100
    store.close()


def test_framing_that_breaks_http_is_survived(tmp_path: Path) -> None:
    attacks = [attack for attack in corpus(2_000) if attack.framing is not None or len(attack.body) > 1_000_000]
    fast = [attack for attack in attacks if attack.name not in WAITED_FOR]
    with Served(tmp_path) as server:
        statuses, faults = run(server.peer, fast)
        assert server.running()
        assert ask(server, "GET", "/healthz")[0] == 200
    assert faults == []
    assert sum(statuses.values()) == len(fast) >= 30


def test_every_acknowledged_event_survives_kills(tmp_path: Path) -> None:
    outcome = kills.run_lanes(tmp_path, kills=4, lanes=2, clients=3)
    assert outcome.good, "\n".join(outcome.table())
    assert outcome.kills == 4
    assert outcome.acknowledged > 0


def test_what_many_clients_post_at_once_is_stored_when_it_is_answered(tmp_path: Path) -> None:
    with Served(tmp_path) as server:
        rate = ingest.measure(server, clients=16, batch=3, seconds=0.3, run="many")
        server.kill()
    store = SQLiteStore(tmp_path, Settings().store)
    assert store.counts().events >= rate.events > 0
    store.close()


def test_the_worker_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    with Served(tmp_path) as server:
        os.kill(server.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and _answers(server):
            time.sleep(0.1)
        assert not _answers(server)


def test_a_key_closes_a_running_service_and_opens_it_again(tmp_path: Path) -> None:
    """Within a second each: the file is looked at twice a second."""
    with Served(tmp_path) as server:
        assert ask(server, "GET", "/v1/models")[0] == 200
        file = KeyFile(tmp_path)
        made = file.create("shop", ["admin"], clock=system_clock)
        time.sleep(0.6)
        assert ask(server, "GET", "/v1/models")[0] == 401
        assert ask(server, "GET", "/v1/models", token=made.token)[0] == 200
        assert ask(server, "GET", "/healthz")[0] == 200
        file.revoke(made.key.id, clock=system_clock)
        time.sleep(0.6)
        assert ask(server, "GET", "/v1/models", token=made.token)[0] == 401


def test_a_taken_port_is_told_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = replace(Settings(), serving=replace(ServingSettings(), port=port))
        with pytest.raises(SettingsError, match=str(port)):
            serve(settings, tmp_path, on_listening=lambda address: None)
    assert free_port("127.0.0.1", port) == port
    assert 1_024 <= free_port("127.0.0.1", 0) <= 65_535


def test_it_does_not_start_beyond_loopback_without_a_key(tmp_path: Path) -> None:
    settings = replace(Settings(), serving=replace(ServingSettings(), host="0.0.0.0"))
    with pytest.raises(AccessError):
        serve(settings, tmp_path, on_listening=lambda address: None)


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreError):
        serve(replace(Settings(), serving=replace(ServingSettings(), port=0)), tmp_path / "data", on_listening=print)


def _answers(server: Served) -> bool:
    try:
        socket.create_connection(server.peer, timeout=1).close()
    except OSError:
        return False
    return True
