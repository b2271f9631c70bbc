"""What is asked of the engine, and how it answers over HTTP."""

import pytest
from litestar.testing import TestClient
from serving_doubles import NOW, service

from coldframe.serving.terms import NO_TERMS, Terms


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    client.post("/v1/items", json={"items": [{"item_id": item_id} for item_id in "abcdef"]})
    return client


def asked(client: TestClient) -> dict:
    return client.app.state.engine.asked[-1]


def test_an_answer_names_its_bundle_level_and_weights(shop: TestClient) -> None:
    answer = shop.get("/v1/users/ada/recommendations?n=2").json()
    assert [item["item_id"] for item in answer["items"]] == ["a", "b"]
    assert answer["recommendation_id"]
    assert (answer["bundle"], answer["level"]) == ("b-1", "popular")
    assert answer["items"][0]["mixer_weights"] == {"popular": 1.0}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"n": 10, "exclude": [], "category": None, "scenario": "default"}),
        ("exclude=a&exclude=b,c", {"exclude": ["a", "b", "c"]}),
        ("category=lamps&scenario=home", {"category": "lamps", "scenario": "home"}),
        ("n=200", {"n": 200}),
        ("pages=true", {"n": 10, "terms": Terms(pages=True)}),
        ("next=abc", {"n": None, "terms": Terms(next="abc")}),
        ("next=abc&n=3", {"n": 3, "terms": Terms(next="abc")}),
        ("filter=price%20%3C%2030", {"terms": Terms(filter="price < 30")}),
    ],
)
def test_the_query_reaches_the_engine(shop: TestClient, query: str, expected: dict) -> None:
    assert shop.get(f"/v1/users/a%2Fda/recommendations?{query}").status_code == 200
    assert asked(shop)["user_id"] == "a/da"
    assert {key: asked(shop)[key] for key in expected} == expected


@pytest.mark.parametrize(
    "query",
    [
        "n=0",
        "n=201",
        "n=x",
        "n=1.5",
        "n=",
        "exclude=" + "x" * 513,
        "category=",
        "scenario=",
        "filter=",
        "pages=x",
        "next=a&filter=price%3C3",
    ],
)
def test_an_unusable_query_is_refused(shop: TestClient, query: str) -> None:
    answer = shop.get(f"/v1/users/ada/recommendations?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "input")


def test_an_anonymous_visitor_says_what_is_known(shop: TestClient) -> None:
    body = {
        "events": [{"item_id": "a"}, {"item_id": "b", "event_type": "rating", "value": 5}],
        "attributes": {"country": "PT"},
        "session_id": "s-1",
        "n": 3,
        "exclude": ["a"],
    }
    assert len(shop.post("/v1/recommendations", json=body).json()["items"]) == 3
    first, second = asked(shop)["events"]
    assert (first.session_id, first.event_type, first.timestamp) == ("s-1", "view", NOW)
    assert (second.event_type, second.value) == ("rating_5", 5.0)
    assert asked(shop)["attributes"] == {"country": "PT"}
    assert shop.app.state.store.events_by_id == {}


def test_a_wrong_filter_is_refused_where_it_goes_wrong(shop: TestClient) -> None:
    answers = (
        shop.get("/v1/users/ada/recommendations", params={"filter": "price < cheap"}),
        shop.post("/v1/recommendations", json={"filter": "price < cheap"}),
    )
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (400, "input")
        assert "at character 9" in answer.json()["detail"]


def test_a_body_s_rules_reach_the_engine_as_terms(shop: TestClient) -> None:
    body = {"pin": {"c": 1}, "boost": {"price < 30": 1.5}, "cap": {"category": 2}, "diversity": 0.1, "n": 3}
    terms = Terms(pin={"c": 1}, boost={"price < 30": 1.5}, cap={"category": 2}, diversity=0.1)
    for address in ("/v1/users/ada/recommendations", "/v1/recommendations"):
        assert shop.post(address, json=body).status_code == 200
        assert (asked(shop)["terms"], asked(shop)["n"]) == (terms, 3)


@pytest.mark.parametrize(
    "body",
    [
        {"pin": {"c": 0}},
        {"pin": {"c": 1.5}},
        {"pin": {"c": 2, "d": 2}},
        {"boost": {"price <": 2}},
        {"boost": {"price < 3": 0}},
        {"boost": {"price < 3": -1}},
        {"boost": {"price < 3": 1_001}},
        {"cap": {"category": 0}},
        {"cap": {"item_id": 1}},
        {"diversity": 1.1},
        {"diversity": -0.1},
        {"pin": {str(n): n + 1 for n in range(51)}},
        {"boosts": {}},
    ],
)
@pytest.mark.parametrize("address", ["/v1/users/ada/recommendations", "/v1/recommendations"])
def test_an_unusable_rule_is_refused(shop: TestClient, address: str, body: dict) -> None:
    answer = shop.post(address, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "input")


def test_a_body_without_terms_has_none(shop: TestClient) -> None:
    for address in ("/v1/users/ada/recommendations", "/v1/recommendations"):
        assert shop.post(address, json={"n": 3, "exclude": ["a"]}).status_code == 200
        assert asked(shop)["terms"] is NO_TERMS
    shop.get("/v1/users/ada/recommendations?n=3")
    assert asked(shop)["terms"] is NO_TERMS


def test_a_body_asks_for_pages_too(shop: TestClient) -> None:
    for address in ("/v1/users/ada/recommendations", "/v1/recommendations"):
        assert shop.post(address, json={"pages": True}).status_code == 200
        assert (asked(shop)["terms"], asked(shop)["n"]) == (Terms(pages=True), 10)
        assert shop.post(address, json={"next": "abc"}).status_code == 200
        assert (asked(shop)["terms"], asked(shop)["n"]) == (Terms(next="abc"), None)


def test_an_anonymous_visitor_may_say_nothing(shop: TestClient) -> None:
    assert shop.post("/v1/recommendations", json={}).status_code == 200


@pytest.mark.parametrize("address", ["/v1/items/zz/similar", "/v1/users/ada/explanation?item_id=zz"])
def test_an_unknown_item_is_not_found(shop: TestClient, address: str) -> None:
    answer = shop.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id")


def test_similar_items_and_explanations_are_answered(shop: TestClient) -> None:
    assert shop.get("/v1/items/a/similar?n=1").json()["items"][0]["item_id"] == "a"
    assert shop.get("/v1/users/ada/explanation?item_id=a").json()["shares"] == {"popular": 1.0}


def test_without_a_bundle_events_are_taken_and_recommendations_are_not_ready() -> None:
    with TestClient(service(bundle=None)) as client:
        event = {"user_id": "u", "item_id": "i", "event_type": "view"}
        assert client.post("/v1/events", json=event).status_code == 200
        answer = client.get("/v1/users/u/recommendations")
        assert (answer.status_code, answer.json()["code"]) == (503, "bundle")
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200


def test_answers_are_counted_by_level(new_client: TestClient) -> None:
    new_client.get("/v1/users/ada/recommendations")
    assert 'coldframe_answers_total{level="popular"} 1.0' in new_client.get("/metrics").text
