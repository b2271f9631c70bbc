"""POST /v1/events: forms, reports, refusals."""

from datetime import UTC, datetime

import pytest
from litestar.testing import TestClient
from serving_doubles import NOW, service

EVENT = {"user_id": "ada", "item_id": "lamp", "event_type": "view"}


def stored(client: TestClient) -> list:
    return list(client.app.state.store.events_by_id.values())


@pytest.mark.parametrize(
    ("body", "count"),
    [(EVENT, 1), ([EVENT], 1), ([EVENT, EVENT], 2), ({"events": [EVENT] * 3}, 3), ([], 0), ({"events": []}, 0)],
)
def test_one_event_an_array_and_a_batch_are_accepted(client: TestClient, body: object, count: int) -> None:
    answer = client.post("/v1/events", json=body)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == count == len(stored(client))
    assert [report["status"] for report in answer.json()["events"]] == ["accepted"] * count


def test_an_event_id_counts_once(client: TestClient) -> None:
    event = {**EVENT, "event_id": "e-1"}
    first = client.post("/v1/events", json=event).json()
    second = client.post("/v1/events", json=[event, {**event, "item_id": "other"}]).json()
    assert (first["accepted"], second["accepted"], second["repeated"]) == (1, 0, 2)
    assert [event.item_id for event in stored(client)] == ["lamp"]


def test_a_batch_reports_on_each_event_in_order(client: TestClient) -> None:
    bad = {"event_id": "bad", "item_id": 7}
    answer = client.post("/v1/events", json=[{**EVENT, "event_id": "a"}, bad, {**EVENT, "event_id": "b"}])
    assert answer.status_code == 200
    reports = [(report["event_id"], report["status"]) for report in answer.json()["events"]]
    assert reports == [("a", "accepted"), ("bad", "rejected"), ("b", "accepted")]
    assert "item_id" in answer.json()["events"][1]["reason"]


def test_what_is_left_out_is_filled_in(client: TestClient) -> None:
    client.post("/v1/events", json=EVENT)
    (event,) = stored(client)
    assert event.timestamp == NOW
    assert len(event.event_id) == 32


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_are_kept_in_utc(client: TestClient, given: str, kept: datetime) -> None:
    assert client.post("/v1/events", json={**EVENT, "timestamp": given}).status_code == 200
    assert stored(client)[0].timestamp == kept


def test_a_rating_takes_its_value_into_its_name(client: TestClient) -> None:
    client.post("/v1/events", json={**EVENT, "event_type": "rating", "value": 4})
    assert stored(client)[0].event_type == "rating_4"


@pytest.mark.parametrize(
    "change",
    [
        {"item_id": ""},
        {"item_id": 7},
        {"item_id": "a\x00b"},
        {"item_id": "é" * 257},
        {"user_id": None},
        {"event_type": "rating"},
        {"event_type": "rating", "value": 0},
        {"event_type": "rating", "value": 4.5},
        {"value": "3"},
        {"timestamp": "yesterday"},
        {"timestamp": "1969-12-31T23:59:59Z"},
        {"timestamp": "2200-01-01T00:00:00Z"},
        {"timestamp": "9999-12-31T23:59:59-23:59"},
        {"position": -1},
        {"position": 2**31},
        {"context": {"page": ["nested"]}},
        {"context": {"page": "a\x00"}},
        {"typo": 1},
    ],
)
def test_a_single_unusable_event_is_refused_and_not_stored(client: TestClient, change: dict) -> None:
    answer = client.post("/v1/events", json={**EVENT, **change})
    assert answer.status_code == 400
    assert answer.json()["code"] == "input"
    assert stored(client) == []


def test_a_batch_has_a_limit() -> None:
    with TestClient(service(max_batch=2)) as client:
        assert client.post("/v1/events", json=[EVENT] * 2).status_code == 200
        assert client.post("/v1/events", json=[EVENT] * 3).json()["code"] == "too_large"


def test_outcomes_are_counted(new_client: TestClient) -> None:
    new_client.post("/v1/events", json=[{**EVENT, "event_id": "a"}, {**EVENT, "event_id": "a"}, {}])
    text = new_client.get("/metrics").text
    for status in ("accepted", "repeated", "rejected"):
        assert f'coldframe_events_total{{status="{status}"}} 1.0' in text
