"""The API key and where the service may listen without one."""

import logging
from dataclasses import replace

import pytest
from litestar.testing import TestClient
from serving_doubles import service

from coldframe.errors import AccessError
from coldframe.serving.access import ApiKey, require_key_beyond_loopback
from coldframe.settings import ServingSettings

KEY = "a-long-and-secret-key"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        (KEY, 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Basic {KEY}", 401),
        (f"Bearer {KEY[:-1]}", 401),
        (f"Bearer {KEY}x", 401),
        ("Bearer \udcff\udcfe", 401),
        (f"Bearer {KEY}", 200),
        (f"bearer  {KEY} ", 200),
    ],
)
def test_only_the_key_opens(header: str | None, status: int) -> None:
    headers = {} if header is None else {"authorization": header.encode("latin-1", "surrogateescape")}
    with TestClient(service(api_key=KEY)) as client:
        answer = client.get("/v1/models", headers=headers)
    assert answer.status_code == status
    assert status == 200 or (answer.json()["code"] == "access" and "Bearer" in answer.headers["www-authenticate"])


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/events", "/nowhere", "/metrics", "/docs", "/openapi.json", "//healthz", "/healthz/"]
)
def test_everything_but_health_is_closed(path: str) -> None:
    with TestClient(service(api_key=KEY)) as client:
        assert client.get(f"http://testserver.local{path}").status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_open(path: str) -> None:
    with TestClient(service(api_key=KEY)) as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "127.0.0.1.example.org", ""])
def test_beyond_loopback_a_key_is_required(host: str) -> None:
    settings = replace(ServingSettings(), host=host)
    with pytest.raises(AccessError):
        require_key_beyond_loopback(settings)
    require_key_beyond_loopback(replace(settings, api_key=KEY))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    require_key_beyond_loopback(replace(ServingSettings(), host=host))


def test_the_key_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with TestClient(service(api_key=KEY)) as client:
        for header in (f"Bearer {KEY}", f"Basic {KEY}"):
            for path in ("/v1/models", "/metrics", "/v1/items/a"):
                assert KEY not in client.get(path, headers={"authorization": header}).text
    assert KEY not in caplog.text
    assert KEY not in repr(vars(ApiKey(KEY)))
