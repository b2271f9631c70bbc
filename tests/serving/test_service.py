"""Models, health, metrics, further handlers."""

from conftest import service
from litestar import get
from litestar.datastructures import State
from litestar.testing import TestClient


def test_models_are_listed_promoted_and_rolled_back(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert [(model["bundle"], model["promoted"]) for model in listed["models"]] == [("b-1", True), ("b-0", False)]
    assert listed["live"] == "b-1"
    assert client.post("/v1/models/b-0/promote").json()["promoted"] == "b-0"
    assert client.post("/v1/models/rollback").json()["promoted"] == "b-1"


def test_an_unknown_or_unsafe_bundle_is_not_found(client: TestClient) -> None:
    for bundle in ("b-9", "..%2F..%2Fetc", "..", ".", "x" * 200):
        answer = client.post(f"/v1/models/{bundle}/promote")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_live_bundle_is_shown(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "bundle": "b-1"}
    assert 'coldframe_bundle_info{bundle="b-1"} 1.0' in client.get("/metrics").text


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
