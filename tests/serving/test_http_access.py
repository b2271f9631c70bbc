"""Who may call which route, with which key; and where the service may listen without one."""

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar.testing import TestClient
from serving_doubles import service

from coldframe.clock import fixed_clock
from coldframe.errors import AccessError
from coldframe.serving.access import Access
from coldframe.serving.key_file import KeyFile
from coldframe.serving.keys import ALL_SCOPES
from coldframe.serving.listening import require_key_beyond_loopback
from coldframe.serving.openapi import EXAMPLE_BODIES, EXAMPLE_VALUES, operations
from coldframe.serving.scopes import ANY_KEY, ANYBODY, SCOPES
from coldframe.settings import ServingSettings

KEY = "a-long-and-secret-key"
CLOCK = fixed_clock(datetime(2026, 3, 1, tzinfo=UTC))
ROUTES = {f"{each['method']} {each['path']}" for each in operations(service())}


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    """A service whose keys are in a file, and a token of each kind."""
    data = tmp_path_factory.mktemp("keyed")
    file = KeyFile(data)
    tokens = {scope: file.create(scope, [scope], clock=CLOCK).token for scope in ALL_SCOPES}
    revoked = file.create("gone", ["admin"], clock=CLOCK)
    file.revoke(revoked.key.id, clock=CLOCK)
    tokens |= {"revoked": revoked.token, "wrong": tokens["admin"][:-1] + "~", "none": ""}
    with TestClient(service(access=Access.of(ServingSettings(), data))) as client:
        yield client, tokens


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
        ("Bearer cf__", 401),
        (f"Bearer cf_bootstrap_{KEY}", 401),
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


def test_the_table_lists_the_routes_there_are() -> None:
    assert set(SCOPES) == ROUTES | {"GET /docs", "GET /openapi.json"}
    assert set(SCOPES.values()) == {ANYBODY, ANY_KEY, *ALL_SCOPES}


@pytest.mark.parametrize("route", SCOPES)
@pytest.mark.parametrize("held", [*ALL_SCOPES, "revoked", "wrong", "none"])
def test_each_route_answers_who_has_its_scope(keyed, route: str, held: str) -> None:
    client, tokens = keyed
    method, _, template = route.partition(" ")
    answer = client.request(
        method, template.format_map(EXAMPLE_VALUES), json=EXAMPLE_BODIES.get(route), headers=bearing(tokens[held])
    )
    needed = SCOPES[route]
    if needed == ANYBODY:
        assert answer.status_code == 200
    elif held in ("revoked", "wrong", "none"):
        assert (answer.status_code, answer.json()["code"]) == (401, "access")
    elif held in ("admin", needed) or needed == ANY_KEY:
        assert answer.status_code in (200, 204, 400, 404, 409)
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "scope")
        assert needed in answer.json()["detail"]
        assert f'scope="{needed}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/users/a%2Fb/nothing", "/v1/events/"])
def test_what_is_not_there_tells_nothing_to_strangers(keyed, path: str) -> None:
    client, tokens = keyed
    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearing(tokens["events:write"])).status_code in (404, 405)


def test_a_route_that_nobody_decided_on_needs_admin(keyed, tmp_path: Path) -> None:
    from litestar import get

    @get("/new", sync_to_thread=False)
    def new() -> str:
        return "new"

    file = KeyFile(tmp_path)
    reader, admin = (file.create("x", [scope], clock=CLOCK).token for scope in ("recommendations:read", "admin"))
    with TestClient(service(access=Access.of(ServingSettings(), tmp_path), extra_handlers=[new])) as client:
        assert client.get("/new", headers=bearing(reader)).status_code == 403
        assert client.get("/new", headers=bearing(admin)).text == "new"


def test_a_slash_in_an_id_leads_to_no_other_scope(keyed) -> None:
    client, tokens = keyed
    answer = client.get("/v1/users/x%2Frecommendations", headers=bearing(tokens["recommendations:read"]))
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "127.0.0.1.example.org", ""])
def test_beyond_loopback_a_key_is_required(host: str, tmp_path: Path) -> None:
    settings, file = replace(ServingSettings(), host=host), KeyFile(tmp_path)
    with pytest.raises(AccessError):
        require_key_beyond_loopback(settings, tmp_path)
    require_key_beyond_loopback(replace(settings, api_key=KEY))
    made = file.create("shop", ["admin"], clock=CLOCK)
    require_key_beyond_loopback(settings, tmp_path)
    file.revoke(made.key.id, clock=CLOCK)
    with pytest.raises(AccessError):
        require_key_beyond_loopback(settings, tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    require_key_beyond_loopback(replace(ServingSettings(), host=host))


def test_beyond_loopback_nothing_is_open_whatever_happens_to_the_keys() -> None:
    with TestClient(service(host="0.0.0.0")) as client:
        assert client.get("/v1/models").status_code == 401


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(AccessError, match="characters"):
        service(api_key="short")


def test_a_key_is_never_told(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    made = KeyFile(tmp_path).create("shop", ["events:write"], clock=CLOCK)
    access = Access.of(ServingSettings(api_key=KEY), tmp_path)
    with TestClient(service(access=access)) as client:
        for secret in (KEY, made.token):
            for header in (f"Bearer {secret}", f"Basic {secret}", f"Bearer {secret}x"):
                for path in ("/v1/models", "/metrics", "/v1/items/a", "/nowhere"):
                    assert secret not in client.get(path, headers={"authorization": header}).text
    for secret in (KEY, made.token, made.token.rpartition("_")[2]):
        assert secret not in caplog.text
        assert secret not in repr(access._keys.ring()._by_id) + repr(access._keys._bootstrap)
        assert secret not in KeyFile(tmp_path).path.read_text()


def test_the_table_in_the_docs_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+ /\S*)` \| (.+) \|$", page, re.MULTILINE)
    assert dict(rows) == SCOPES
