"""What OpenTelemetry hears: a span for each request and its steps, and never whom or what it was about."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

pytest.importorskip("opentelemetry.sdk.trace", reason="needs coldframe[telemetry]")

from asgi import call
from engine_world import NOW
from litestar.testing import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from coldframe.domain import User
from coldframe.errors import StoreError
from coldframe.serving.app import create_app
from coldframe.serving.tracing import Tracing, tracing_to
from coldframe.settings import Settings, with_value

SECRET = "ada.lovelace@example.org"
KEY = "a-key-that-nobody-may-see"
ALLOWED = {
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "coldframe.bundle",
    "coldframe.level",
    "coldframe.items",
    "coldframe.events",
    "coldframe.events_accepted",
}


class Heard:
    """A service on the tiny shop and the spans it tells."""

    def __init__(self, world):
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        tracing, settings = Tracing(provider), with_value(world.new_engine()._settings, "serving.api_key", KEY)
        engine = tracing.engine(world.store, world.registry, settings, clock=world.clock)
        engine.refresh()
        self.app = create_app(engine, world.store, world.registry, settings, clock=world.clock, tracing=tracing)

    def spans(self):
        return self.exporter.get_finished_spans()

    def request(self):
        (request,) = [span for span in self.spans() if span.parent is None or span.parent.is_remote]
        return request


@pytest.fixture
def heard(world):
    return Heard(world)


@pytest.fixture
def client(heard):
    with TestClient(heard.app) as client:
        client.headers["authorization"] = f"Bearer {KEY}"
        yield client


def test_an_answer_has_spans_for_its_steps(heard, client, world):
    client.get(f"/v1/users/{SECRET}/recommendations?n=3&exclude=e")
    request = heard.request()
    assert request.name == "GET /v1/users/{user_id}/recommendations"
    assert dict(request.attributes) == {
        "http.request.method": "GET",
        "http.route": "/v1/users/{user_id}/recommendations",
        "http.response.status_code": 200,
        "coldframe.bundle": world.registry.promoted(),
        "coldframe.level": "popular",
        "coldframe.items": 3,
    }
    steps = [span for span in heard.spans() if span is not request]
    assert [span.name for span in steps] == ["read person", "score", "write impressions"]
    assert {span.parent.span_id for span in steps} == {request.context.span_id}


def test_a_visitor_s_answer_similar_items_and_events_have_theirs(heard, client):
    client.post("/v1/recommendations", json={"session_id": SECRET})
    client.get("/v1/items/a/similar?n=2")
    event = {"item_id": "a", "event_type": "view", "user_id": SECRET, "event_id": "once"}
    client.post("/v1/events", json=[event, event])
    names = [span.name for span in heard.spans()]
    assert names == [
        *("read person", "score", "write impressions", "POST /v1/recommendations"),
        *("score", "GET /v1/items/{item_id}/similar"),
        *("append events", "POST /v1/events"),
    ]
    written = heard.spans()[-2]
    assert dict(written.attributes) == {"coldframe.events": 2, "coldframe.events_accepted": 1}
    assert heard.spans()[5].attributes["coldframe.items"] == 2


def test_a_caller_s_trace_goes_on_and_nothing_else_of_its_headers(heard, client):
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": f"shop={SECRET.replace('@', '-')}",
        "baggage": f"user={SECRET}",
    }
    client.get("/healthz", headers=headers)
    request = heard.request()
    assert f"{request.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"
    assert "lovelace" not in request.to_json()


def test_a_failure_is_an_error_without_its_text(heard, client, world, monkeypatch):
    def broken(*_, **__):
        raise StoreError(f"Cannot read the history of {SECRET}.")

    monkeypatch.setattr(world.store, "past", broken)
    assert client.get(f"/v1/users/{SECRET}/recommendations").status_code == 503
    assert heard.request().status.status_code is StatusCode.ERROR
    assert "lovelace" not in "".join(span.to_json() for span in heard.spans())


def test_nothing_of_a_person_a_key_or_a_query_is_in_any_span(heard, client, world):
    world.store.upsert_users([User(user_id=SECRET, attributes={"mail": SECRET})])
    world.did(SECRET, "a", ago=timedelta(0))
    body = {"user_id": SECRET, "item_id": "a", "event_type": SECRET, "context": {"mail": SECRET}}
    for method, path, sent in [
        ("GET", f"/v1/users/{SECRET}/recommendations?category={SECRET}&scenario={SECRET}", None),
        ("POST", f"/v1/users/{SECRET}/recommendations", {"filter": f'tag = "{SECRET}"', "pin": {SECRET: 1}}),
        ("POST", f"/v1/users/{SECRET}/recommendations", {"filter": f"{SECRET} <"}),
        ("POST", "/v1/recommendations", {"attributes": {"mail": SECRET}, "session_id": SECRET}),
        ("GET", f"/v1/users/{SECRET}/explanation?item_id={SECRET}", None),
        ("GET", f"/v1/items/{SECRET}/similar", None),
        ("PUT", f"/v1/users/{SECRET}", {"attributes": {"mail": SECRET}}),
        ("POST", "/v1/events", [body, {**body, "timestamp": SECRET}]),
        ("POST", "/v1/identity/merge", {"session_id": f"{SECRET}-visit", "user_id": SECRET}),
        ("GET", f"/{SECRET}?{SECRET}", None),
        ("DELETE", f"/v1/users/{SECRET}", None),
    ]:
        client.request(method, path, json=sent, headers={"user-agent": SECRET, "x-forwarded-for": SECRET})
    call(heard.app, method=SECRET.encode(), target=f"/{SECRET}".encode())
    told = [json.loads(span.to_json()) for span in heard.spans()]
    assert len([span for span in told if span["parent_id"] is None]) == 12
    assert "other unmatched" in [span["name"] for span in told]
    assert {name for span in told for name in span["attributes"]} <= ALLOWED
    assert not [span for span in told if span["events"] or span["links"]]
    for word in ("lovelace", "example.org", KEY):
        assert word not in json.dumps(told)


def test_what_is_left_is_sent_when_the_service_ends(world):
    heard = Heard(world)
    with TestClient(heard.app) as client:
        client.get("/healthz")
    assert len(heard.spans()) == 1
    assert heard.exporter._stopped


def test_a_collector_is_told_by_otlp_over_http(world):
    told = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        Thread(target=collector.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{collector.server_port}/v1/traces"
        settings = with_value(Settings(), "serving.telemetry_url", url)
        tracing = tracing_to(settings.serving)
        engine = tracing.engine(world.store, world.registry, settings, clock=world.clock)
        engine.refresh()
        with TestClient(create_app(engine, world.store, world.registry, settings, tracing=tracing)) as client:
            client.get(f"/v1/users/{SECRET}/recommendations")
        collector.shutdown()
    ((path, body),) = told
    assert path == "/v1/traces"
    assert b"GET /v1/users/{user_id}/recommendations" in body
    assert b"lovelace" not in body


def test_without_a_collector_nothing_is_wrapped(world):
    app = create_app(world.engine, world.store, world.registry, world.engine._settings, clock=lambda: NOW)
    assert type(app.asgi_handler).__name__ == "Admission"
