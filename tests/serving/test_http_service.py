"""Models, health, metrics, further handlers."""

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from litestar import get
from litestar.datastructures import State
from litestar.testing import TestClient
from serving_doubles import NOW, service

from coldframe.bundle.registry import Registry
from coldframe.serving.workers import Workers


@pytest.fixture
def bundles(tmp_path: Path) -> list[str]:
    """Two bundles that hold nothing of use; the second is promoted."""
    registry = Registry(tmp_path)
    names = [
        registry.publish({"numbers": np.arange(size)}, {}, created_at=NOW + timedelta(days=size)) for size in (1, 2)
    ]
    for name in names:
        registry.promote(name)
    return names


def test_models_are_listed_promoted_and_rolled_back(bundles: list[str], tmp_path: Path) -> None:
    first, second = bundles
    with TestClient(service(bundles=tmp_path)) as client:
        listed = client.get("/v1/models").json()
        assert [(model["bundle"], model["promoted"]) for model in listed["models"]] == [(second, True), (first, False)]
        assert listed["live"] == "b-1"
        assert client.post("/v1/models/rollback").json()["promoted"] == first
        assert client.post(f"/v1/models/{second}/promote").json()["promoted"] == second
        assert Registry(tmp_path).promoted() == second


def test_who_promotes_says_so_before_it_answers(bundles: list[str], tmp_path: Path) -> None:
    """Another worker that rolled back at once would take it for one that has the older bundle still."""
    folder = tmp_path / "workers"
    folder.mkdir()
    mine, other = Workers(folder), Workers(folder, os.getppid())
    mine.tell(lambda: "older")
    with TestClient(service(bundle="newer", bundles=tmp_path, beside=mine)) as client:
        assert other.behind("newer") == 1
        assert client.post(f"/v1/models/{bundles[0]}/promote").json()["behind"] == 0
    assert other.behind("newer") == 0


def test_what_cannot_be_promoted_is_a_conflict(bundles: list[str], tmp_path: Path) -> None:
    first, second = bundles
    damaged = next(path for path in (tmp_path / first).iterdir() if path.suffix == ".npy")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with TestClient(service(bundles=tmp_path)) as client:
        for path in (f"/v1/models/{first}/promote", "/v1/models/rollback"):
            answer = client.post(path)
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert Registry(tmp_path).promoted() == second


def test_an_unknown_or_unsafe_bundle_is_not_found(client: TestClient) -> None:
    for bundle in ("b-9", "..%2F..%2Fetc", "..", ".", "x" * 200, "😀"):
        answer = client.post(f"/v1/models/{bundle}/promote")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_live_bundle_is_shown(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "bundle": "b-1"}
    assert 'coldframe_bundle_info{bundle="b-1"} 1.0' in client.get("/metrics").text


def test_items_that_the_live_bundle_lacks_are_counted(new_client: TestClient) -> None:
    new_client.app.state.engine.items_unknown_to_bundle = 3
    assert "coldframe_items_unknown_to_bundle 3.0" in new_client.get("/metrics").text
    assert "coldframe_bundle_age_seconds 3600.0" in new_client.get("/metrics").text


def test_labels_do_not_grow_with_what_callers_send(new_client: TestClient) -> None:
    for number in range(20):
        new_client.get(f"/v1/items/{number}")
        new_client.get(f"/nowhere/{number}")
        new_client.request(f"VERB{number}", "/healthz")
    text = new_client.get("/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("coldframe_http_requests_total")]
    assert 'coldframe_http_requests_total{method="GET",route="/v1/items/{item_id}",status="404"} 20.0' in lines
    assert 'coldframe_http_requests_total{method="GET",route="unmatched",status="404"} 20.0' in lines
    assert len(lines) == 3


def test_further_handlers_are_mounted_with_the_state() -> None:
    @get("/", sync_to_thread=False)
    def page(state: State) -> str:
        return f"{state.engine.bundle_id} {state.settings.recommend.n}"

    with TestClient(service(extra_handlers=[page])) as client:
        assert client.get("/").text == "b-1 10"
