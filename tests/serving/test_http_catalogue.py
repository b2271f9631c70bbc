"""/v1/items and /v1/users: what is put can be read, replaced and removed."""

import pytest
from litestar.testing import TestClient
from serving_doubles import service

ITEM = {
    "title": "Desk lamp",
    "text": "Warm light",
    "categories": ["lighting"],
    "tags": ["new"],
    "numeric": {"price": 24.5},
    "embedding": [0.5, -1.0],
    "created_at": "2026-01-01T00:00:00Z",
}
USER = {"signed_up_at": "2026-01-01T00:00:00Z", "attributes": {"country": "PT", "age": 33.0, "member": True}}


@pytest.mark.parametrize(
    ("kind", "key", "record", "removed"),
    [("items", "item_id", ITEM, (204, 404)), ("users", "user_id", USER, (200, 200))],
)
@pytest.mark.parametrize("name", ["lamp", "a b", "a/b", "../x", "%", "😀", "a?b#c", "x" * 512])
def test_a_record_is_put_read_and_removed(
    client: TestClient, kind: str, key: str, record: dict, removed: tuple[int, int], name: str
) -> None:
    from urllib.parse import quote

    address = f"/v1/{kind}/{quote(name, safe='')}"
    assert client.get(address).status_code == 404
    assert client.put(address, json=record).json() == {"received": 1, "changed": 1}
    assert client.put(address, json=record).json() == {"received": 1, "changed": 0}
    assert client.get(address).json() == {key: name, **record}
    assert (client.delete(address).status_code, client.delete(address).status_code) == removed
    assert client.get(address).json()["code"] == "unknown_id"


@pytest.mark.parametrize(("kind", "key"), [("items", "item_id"), ("users", "user_id")])
def test_a_batch_is_stored_whole_or_not_at_all(client: TestClient, kind: str, key: str) -> None:
    assert client.post(f"/v1/{kind}", json={kind: [{key: "a"}, {key: "b"}]}).json() == {"received": 2, "changed": 2}
    assert client.post(f"/v1/{kind}", json={kind: [{key: "c"}, {key: ""}]}).status_code == 400
    assert client.post(f"/v1/{kind}", json={kind: [{key: "c"}, {}]}).status_code == 400
    assert client.get(f"/v1/{kind}/c").status_code == 404


@pytest.mark.parametrize(("kind", "key"), [("items", "item_id"), ("users", "user_id")])
def test_a_batch_has_a_limit(kind: str, key: str) -> None:
    with TestClient(service(max_batch=1)) as client:
        answer = client.post(f"/v1/{kind}", json={kind: [{key: "a"}, {key: "b"}]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_address_and_the_body_name_the_same_item(client: TestClient) -> None:
    assert client.put("/v1/items/a", json={"item_id": "a"}).status_code == 200
    assert client.put("/v1/items/a", json={"item_id": "b"}).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"title": 7},
        {"title": "a\x00"},
        {"text": "x" * 100_001},
        {"categories": "lighting"},
        {"categories": [""]},
        {"tags": ["x" * 513]},
        {"numeric": {"price": "24"}},
        {"numeric": {"": 1}},
        {"embedding": [None]},
        {"created_at": "1960-01-01T00:00:00Z"},
        {"available": 1},
        {"colour": "red"},
    ],
)
def test_an_unusable_item_is_refused(client: TestClient, change: dict) -> None:
    assert client.put("/v1/items/a", json={**ITEM, **change}).json()["code"] == "input"
    assert client.get("/v1/items/a").status_code == 404
