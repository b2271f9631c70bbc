"""Joining and forgetting over HTTP, on a real store and a real engine."""

from dataclasses import replace
from datetime import timedelta

import pytest
from engine_world import NOW
from litestar.testing import TestClient

from coldframe.serving.app import create_app
from coldframe.settings import Settings

MINUTE = timedelta(minutes=1)


@pytest.fixture
def client(world):
    settings = replace(Settings(), recommend=replace(Settings().recommend, repeat="allow"))
    app = create_app(world.engine, world.store, world.registry, settings, clock=world.clock)
    with TestClient(app) as client:
        yield client


def listed(answer):
    assert answer.status_code == 200, answer.text
    return "".join(item["item_id"] for item in answer.json()["items"])


def view(client, item, **who):
    event = {"item_id": item, "event_type": "purchase", "timestamp": (NOW - MINUTE).isoformat(), **who}
    assert client.post("/v1/events", json=event).json()["accepted"] == 1


def test_a_first_visit_counts_in_the_answer_after_signing_in(client):
    view(client, "a", session_id="visit-7")
    assert listed(client.get("/v1/users/ada/recommendations")) == "edcba"
    merge = {"session_id": "visit-7", "user_id": "ada"}
    assert client.post("/v1/identity/merge", json=merge).json() == {**merge, "merged": True}
    assert listed(client.get("/v1/users/ada/recommendations")) == "cbaed"
    assert client.post("/v1/identity/merge", json=merge).json() == {**merge, "merged": False}
    because = client.get("/v1/users/ada/explanation?item_id=b").json()["because_of"]
    assert [(each["item_id"], each["timestamp"]) for each in because] == [("a", (NOW - MINUTE).isoformat())]


@pytest.mark.parametrize(
    ("session", "user"), [("visit-7", "bob"), ("visit-8", "visit-7"), ("ada", "bob"), ("bob", "bob")]
)
def test_a_session_is_one_persons(client, session, user):
    client.post("/v1/identity/merge", json={"session_id": "visit-7", "user_id": "ada"})
    answer = client.post("/v1/identity/merge", json={"session_id": session, "user_id": user})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"session_id": "s"},
        {"user_id": "u"},
        {"session_id": "", "user_id": "u"},
        {"session_id": "s", "user_id": None},
        {"session_id": 7, "user_id": "u"},
        {"session_id": "s\x00", "user_id": "u"},
        {"session_id": "é" * 257, "user_id": "u"},
        {"session_id": "s", "user_id": "u", "more": 1},
    ],
)
def test_an_unusable_merge_is_refused(client, body):
    answer = client.post("/v1/identity/merge", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "input")


def test_a_visitor_is_known_by_the_session(client):
    view(client, "a", session_id="visit-7")
    assert listed(client.post("/v1/recommendations", json={"session_id": "visit-7"})) == "cbaed"
    assert listed(client.post("/v1/recommendations", json={"session_id": "visit-7", "events": []})) == "edcba"
    said = {"session_id": "visit-7", "events": [{"item_id": "d", "event_type": "purchase"}]}
    assert listed(client.post("/v1/recommendations", json=said)) == "edcba"
    assert listed(client.post("/v1/recommendations", json={"session_id": "nobody"})) == "edcba"
    client.post("/v1/identity/merge", json={"session_id": "visit-7", "user_id": "ada"})
    assert listed(client.post("/v1/recommendations", json={"session_id": "visit-7"})) == "cbaed"


def test_a_session_that_goes_by_a_users_name_reads_nothing_of_the_user(client):
    view(client, "a", user_id="ada")
    assert listed(client.post("/v1/recommendations", json={"session_id": "ada"})) == "edcba"


def test_who_is_forgotten_is_a_stranger_at_once(client, world):
    view(client, "a", user_id="ada")
    view(client, "b", session_id="visit-7")
    client.put("/v1/users/ada", json={"attributes": {"country": "PT"}})
    client.post("/v1/identity/merge", json={"session_id": "visit-7", "user_id": "ada"})
    assert listed(client.get("/v1/users/ada/recommendations")) == "cbaed"
    receipt = client.delete("/v1/users/ada")
    assert receipt.status_code == 200
    erased = receipt.json()["erased"]
    assert (erased["live_events"], erased["users"], erased["sessions"], erased["impressions"]) == (2, 1, 1, 1)
    assert "ada" not in receipt.text
    assert listed(client.get("/v1/users/ada/recommendations")) == "edcba"
    assert listed(client.post("/v1/recommendations", json={"session_id": "visit-7"})) == "edcba"
    assert client.get("/v1/users/ada").status_code == 404
    assert client.get("/v1/erasures").json() == {"erasures": [receipt.json()]}
    again = client.delete("/v1/users/ada").json()
    assert again["user_hash"] == receipt.json()["user_hash"]
    assert again["erased"]["live_events"] == 0
    assert [each["erasure_id"] for each in client.get("/v1/erasures?limit=9").json()["erasures"]].count(
        receipt.json()["erasure_id"]
    ) == 1


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", ""])
def test_an_unusable_number_of_receipts_is_refused(client, limit):
    assert client.get(f"/v1/erasures?limit={limit}").status_code == 400


@pytest.mark.parametrize("bad", ["%ff", "%00", "x" * 513, "%ED%A0%80"])
def test_an_id_that_nobody_can_have_is_refused(client, bad):
    assert client.delete(f"/v1/users/{bad}").status_code == 400
    assert client.get("/v1/erasures").json() == {"erasures": []}
