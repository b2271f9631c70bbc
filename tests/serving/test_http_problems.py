"""Whatever goes wrong, the answer has one shape."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient
from serving_doubles import MemoryStore, service

from coldframe import errors
from coldframe.errors import ColdframeError, StoreBusyError
from coldframe.serving.body import decode
from coldframe.serving.problems import KINDS, Problem, RefusedError, make_problem

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("POST", "/v1/events", {"content": b"{", "headers": JSON}, 400, "json"),
        ("POST", "/v1/events", {"content": b"", "headers": JSON}, 400, "input"),
        ("POST", "/v1/events", {"content": b"\xff", "headers": JSON}, 400, "json"),
        ("POST", "/v1/events", {"content": b'{"a":1,"a":2}', "headers": JSON}, 400, "duplicate_key"),
        ("POST", "/v1/events", {"content": b"[" * 9_999 + b"]" * 9_999, "headers": JSON}, 400, "nesting"),
        ("POST", "/v1/events", {"content": b'"\\ud800"', "headers": JSON}, 400, "json"),
        ("POST", "/v1/events", {"content": b"NaN", "headers": JSON}, 400, "json"),
        ("POST", "/v1/events", {"content": b"1e999", "headers": JSON}, 400, "json"),
        ("POST", "/v1/events", {"content": b"{}"}, 415, "media_type"),
        ("POST", "/v1/events", {"content": b"{}", "headers": {"content-type": "text/json"}}, 415, "media_type"),
        ("POST", "/v1/events", {"content": b"x" * 1_048_577, "headers": JSON}, 413, "too_large"),
        ("PUT", "/v1/items/a", {"content": b"[]", "headers": JSON}, 400, "input"),
        ("GET", "/v1/items/%ff", {}, 400, "path"),
        ("GET", "/v1/items/%00", {}, 400, "path"),
        ("GET", "/v1/items/a/similar?n=%00", {}, 400, "path"),
        ("GET", "/v1/items/" + "a" * 9_000, {}, 414, "uri_too_long"),
        ("GET", "/v1/items/a", {}, 404, "unknown_id"),
        ("GET", "/v1/nothing", {}, 404, "route"),
        ("GET", "/docs/nothing", {}, 404, "route"),
        ("PATCH", "/v1/items/a", {}, 405, "method"),
        ("VERB", "/healthz", {}, 405, "method"),
        ("GET", "/v1/users/a/explanation", {}, 400, "input"),
        ("GET", "/healthz", {"headers": {"host": "a b"}}, 400, "input"),
        ("POST", "/v1/models/rollback", {"headers": {"sec-fetch-site": "cross-site"}}, 403, "origin"),
    ],
)
def test_every_refusal_is_a_problem(
    client: TestClient, method: str, path: str, options: dict, status: int, code: str
) -> None:
    answer = client.request(method, path, **options)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(answer.content, type=Problem, strict=True)
    assert (problem.status, problem.code) == (status, code) == (answer.status_code, code)
    assert problem.type == f"urn:coldframe:problem:{code}"
    assert all([problem.title, problem.detail, problem.remedy])


def test_a_wrong_method_is_told_the_right_ones(client: TestClient) -> None:
    assert set(client.patch("/v1/items/a").headers["allow"].split(", ")) >= {"GET", "PUT", "DELETE"}


def test_a_known_error_keeps_its_code_status_and_remedy(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: MemoryStore, item_id: str) -> None:
        raise StoreBusyError("The queue is full.", remedy="Retry.")

    monkeypatch.setattr(MemoryStore, "item", busy)
    answer = client.get("/v1/items/a").json()
    assert (answer["status"], answer["code"], answer["remedy"]) == (503, "busy", "Retry.")


def test_an_unforeseen_error_tells_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: MemoryStore, item_id: str) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(MemoryStore, "item", broken)
    with TestClient(service(), raise_server_exceptions=False) as client:
        answer = client.get("/v1/items/a")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_every_error_of_the_project_has_a_kind() -> None:
    def below(kind: type[ColdframeError]) -> list[type[ColdframeError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    found = [kind for kind in below(ColdframeError) if kind.__module__ == errors.__name__]
    assert len(found) >= 9
    for kind in found:
        problem = make_problem(kind.code, "It happened.", status=kind.http_status)
        assert problem.status == kind.http_status
        assert problem.title != KINDS["internal"].title or kind.http_status == 500


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_strict_json_is_read_as_it_is(value: object) -> None:
    try:
        text = json.dumps(value).encode()
        "".join(_texts(value)).encode()
    except UnicodeEncodeError:
        with pytest.raises(RefusedError):
            decode(text)
        return
    assert decode(text) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(RefusedError):
        assert decode(body) == json.loads(body)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []
