"""What the service says of itself is true: the document, the page, docs/http.md."""

import re
from pathlib import Path

import pytest
from litestar.testing import TestClient
from serving_doubles import service

from coldframe.serving.openapi import EXAMPLE_BODIES, document, operations
from coldframe.serving.problems import KINDS
from coldframe.serving.scopes import ANYBODY, SCOPES

DOCS = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
OPERATIONS = operations(service())


def test_the_document_refers_only_to_what_it_holds() -> None:
    found = document(service())
    names = set(re.findall(r"#/components/schemas/(\w+)", str(found)))
    assert names
    assert names <= set(found["components"]["schemas"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation['method']} {operation['path']}")
def test_every_operation_is_described_everywhere(client: TestClient, operation: dict) -> None:
    assert operation["description"]
    assert f"`{operation['method']} {operation['path']}`" in DOCS
    assert operation["path"].split("{")[0] in client.get("/docs").text


@pytest.mark.parametrize("path", sorted({operation["path"] for operation in OPERATIONS}))
def test_options_and_a_wrong_method_are_told_every_method_of_an_address(client: TestClient, path: str) -> None:
    methods = {operation["method"] for operation in OPERATIONS if operation["path"] == path} | {"OPTIONS"}
    target = re.sub(r"\{\w+\}", "a", path)
    for method, status in (("OPTIONS", 204), ("PATCH", 405)):
        answer = client.request(method, target)
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (status, methods)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation['method']} {operation['path']}")
def test_every_example_works(client: TestClient, operation: dict) -> None:
    client.put("/v1/items/lamp", json={})
    client.put("/v1/users/ada", json={})
    method, target = operation["method"], operation["curl"].split("'")[1].removeprefix("http://127.0.0.1:8000")
    body = EXAMPLE_BODIES.get(f"{method} {operation['path']}")
    answer = client.request(method, target, json=body) if body is not None else client.request(method, target)
    expected = {"/v1/models/{bundle}/promote": 404, "/v1/models/rollback": 409}  # there are no bundles
    removed = 204 if f"{method} {operation['path']}" == "DELETE /v1/items/{item_id}" else 200
    assert answer.status_code == expected.get(operation["path"], removed)


def test_every_operation_says_which_key_it_needs() -> None:
    found = document(service())
    assert found["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    for path, by_method in found["paths"].items():
        for method, operation in by_method.items():
            scope = SCOPES[f"{method.upper()} {path}"]
            assert operation["security"] == ([] if scope == ANYBODY else [{"key": []}])
            assert scope in operation["description"] or scope == ANYBODY


def test_the_page_fetches_nothing(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<link|src=|@import|url\(", page.text)
    assert page.text.count("<details") == len(OPERATIONS)


@pytest.mark.parametrize("code", KINDS)
def test_every_code_is_documented(code: str) -> None:
    assert re.search(rf"\| `{code}` \| {KINDS[code].status} \|", DOCS)


def test_every_command_of_the_docs_names_a_route() -> None:
    from_docs = set(re.findall(r"^## `(\w+ /\S+)`", DOCS, re.MULTILINE))
    known = {f"{operation['method']} {operation['path']}" for operation in OPERATIONS}
    assert known <= from_docs <= known | {"GET /openapi.json", "GET /docs"}
