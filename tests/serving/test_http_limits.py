"""How often a key may call, how many may wait, and which pages of other sites may call at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asgi import call
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient
from serving_doubles import MemoryStore, service

from coldframe.clock import fixed_clock
from coldframe.errors import SettingsError, StoreBusyError
from coldframe.serving.access import Access
from coldframe.serving.cors import Cors
from coldframe.serving.key_file import KeyFile
from coldframe.serving.keys import new_key
from coldframe.serving.problems import RefusedError
from coldframe.serving.rates import Bucket, RateLimits
from coldframe.serving.worker import share_of
from coldframe.serving.workers import Workers
from coldframe.settings import ServingSettings, Settings

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = {"user_id": "ada", "item_id": "lamp", "event_type": "view"}
SHOP = "https://shop.example"


class Timer:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def taken(limits, key, times):
    """How many of so many requests are let through, and what the last one is told."""
    told = None
    for count in range(times):
        try:
            limits.take(key)
        except RefusedError as refusal:
            return count, refusal
    return times, told


def test_a_key_may_send_its_burst_and_then_its_rate():
    timer = Timer()
    limits = RateLimits(ServingSettings(rate=2.0, rate_burst=5), timer=timer)
    key, other = (new_key(name, ["admin"], now=NOW).key for name in "ab")
    count, refusal = taken(limits, key, 9)
    assert (count, refusal.problem.status, refusal.headers["retry-after"]) == (5, 429, "1")
    assert taken(limits, other, 9)[0] == 5
    timer.now += 1.0
    assert taken(limits, key, 9)[0] == 2
    timer.now += 1_000
    assert taken(limits, key, 9)[0] == 5


def test_workers_share_a_bucket(tmp_path):
    timer = Timer()
    one, other = (RateLimits(ServingSettings(rate=2.0, rate_burst=5), folder=tmp_path, timer=timer) for _ in "12")
    assert (taken(one, None, 3)[0], taken(other, None, 9)[0], taken(one, None, 9)[0]) == (3, 2, 0)
    timer.now += 1.0
    assert (taken(other, None, 9)[0], taken(one, None, 9)[0]) == (2, 0)
    assert taken(one, new_key("shop", ["admin"], now=NOW).key, 9)[0] == 5


def test_retry_after_is_long_enough():
    timer = Timer()
    limits = RateLimits(ServingSettings(rate=0.1, rate_burst=1), timer=timer)
    _, refusal = taken(limits, None, 2)
    timer.now += int(refusal.headers["retry-after"])
    assert taken(limits, None, 1)[0] == 1


def test_a_key_may_have_a_rate_of_its_own():
    limits = RateLimits(ServingSettings(rate_burst=3), timer=Timer())
    assert taken(limits, new_key("free", ["admin"], now=NOW).key, 99)[0] == 99
    assert taken(limits, new_key("slow", ["admin"], now=NOW, rate=1.0).key, 99)[0] == 3


@given(st.floats(0.01, 1e4), st.integers(1, 50), st.lists(st.floats(0, 10), max_size=60))
def test_over_any_stretch_no_more_than_burst_and_rate(rate, burst, pauses):
    bucket, now, let = Bucket(rate, burst, burst, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        let += bucket.wait(now) == 0.0
    assert let <= burst + rate * now + 1e-6


def test_a_clock_that_steps_back_gives_nothing():
    bucket = Bucket(rate=1.0, burst=1.0, level=0.0, at=100.0)
    assert bucket.wait(50.0) == 1.0


def test_too_many_requests_are_refused_over_http_and_health_is_not(tmp_path: Path):
    key = KeyFile(tmp_path).create("shop", ["events:write"], clock=fixed_clock(NOW), rate=0.001)
    access = Access.of(ServingSettings(), tmp_path)
    with TestClient(service(access=access, rate_burst=2)) as client:
        headers = {"authorization": f"Bearer {key.token}"}
        answers = [client.post("/v1/events", json=EVENT, headers=headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["code"] == "rate"
        assert int(answers[2].headers["retry-after"]) >= 999
        assert client.get("/healthz").status_code == 200
        assert client.get("/v1/models", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_a_rate_is_of_all_workers_together(tmp_path: Path):
    shared = {"beside": Workers(tmp_path), "rate": 0.001, "rate_burst": 3}
    with TestClient(service(**shared)) as one, TestClient(service(**shared)) as other:
        answers = [client.get("/v1/models").status_code for client in (one, other, one, other, one)]
    assert answers == [200, 200, 200, 429, 429]


def test_a_bound_on_memory_is_shared_out_to_workers():
    settings = replace(Settings(), serving=ServingSettings(workers=4))
    assert share_of(settings).store.queue_events == Settings().store.queue_events // 4
    assert share_of(Settings()) == Settings()


def test_without_a_setting_nothing_is_limited():
    with TestClient(service()) as client:
        assert {client.get("/v1/models").status_code for _ in range(300)} == {200}


def test_a_full_store_is_told_with_the_time_to_retry():
    class FullStore(MemoryStore):
        def append_events(self, events):
            raise StoreBusyError("100 events wait to be written.", remedy="Try again shortly.")

    app = service()
    app.state.store.__class__ = FullStore
    with TestClient(app) as client:
        answer = client.post("/v1/events", json=EVENT)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "1")


def preflight(app, origin: bytes, *headers):
    asked = [(b"origin", origin), (b"access-control-request-method", b"POST"), *headers]
    return call(app, method=b"OPTIONS", target=b"/v1/events", headers=asked)


def post(app, origin: bytes, **more: bytes):
    headers = [(b"origin", origin), (b"content-type", b"application/json"), (b"sec-fetch-site", b"cross-site")]
    headers += [(name.encode(), value) for name, value in more.items()]
    return call(app, method=b"POST", target=b"/v1/events", headers=headers, parts=[json.dumps(EVENT).encode()])


@pytest.mark.parametrize("origin", [b"https://shop.example", b"null", b"*"])
def test_no_page_of_another_site_may_call_by_default(origin: bytes):
    app = service()
    assert "access-control-allow-origin" not in preflight(app, origin).headers
    refused = post(app, origin)
    assert (refused.status, refused.json()["code"]) == (403, "origin")
    assert "access-control-allow-origin" not in refused.headers


def test_a_page_that_is_named_may_call():
    app = service(cors_origins=[SHOP])
    asked = preflight(app, SHOP.encode())
    assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, SHOP)
    assert "authorization" in asked.headers["access-control-allow-headers"]
    answer = post(app, SHOP.encode())
    assert (answer.status, answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (
        200,
        SHOP,
        "Origin",
    )
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [b"https://shop.example.evil.org", b"http://shop.example", b"https://SHOP.example"])
def test_no_other_page_may(origin: bytes):
    app = service(cors_origins=[SHOP])
    assert "access-control-allow-origin" not in preflight(app, origin).headers
    assert post(app, origin).status == 403
    assert post(app, origin).headers["vary"] == "Origin"


def test_a_refusal_can_be_read_by_the_page_and_a_preflight_needs_no_key():
    app = service(cors_origins=[SHOP], api_key="a-long-and-secret-key")
    assert preflight(app, SHOP.encode()).status == 204
    refused = post(app, SHOP.encode())
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, SHOP)
    assert post(app, SHOP.encode(), authorization=b"Bearer a-long-and-secret-key").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        *["*", "https://*", "https://*.shop.example", "shop.example", "https://shop.example/"],
        *["https://shop.example/x", "null", "", "ftp://shop.example", "https://"],
        *["https://ann@shop.example", "https://Shop.example"],
    ],
)
def test_what_is_no_origin_is_refused(origin: str):
    with pytest.raises(SettingsError, match="cors_origins"):
        Cors([origin])
