"""/openapi.json and /docs: what the service answers, for programs and for people.

Both come from the routes themselves; the page is rendered here and fetches nothing from elsewhere.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import jinja2
import msgspec
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin

from coldframe import __version__
from coldframe.serving.messages import EventBatch, EventIn
from coldframe.serving.problems import MEDIA_TYPE, Problem, make_problem
from coldframe.serving.scopes import ANY_KEY, ANYBODY, needed

EXAMPLE_BODIES: dict[str, Any] = {
    "POST /v1/events": {
        "events": [
            {"event_id": "e-1", "user_id": "ada", "item_id": "lamp", "event_type": "view"},
            {"event_id": "e-2", "user_id": "ada", "item_id": "lamp", "event_type": "rating", "value": 5},
        ]
    },
    "POST /v1/items": {"items": [{"item_id": "lamp", "title": "Desk lamp", "categories": ["lighting"]}]},
    "PUT /v1/items/{item_id}": {"title": "Desk lamp", "categories": ["lighting"], "numeric": {"price": 24.5}},
    "POST /v1/users": {"users": [{"user_id": "ada", "signed_up_at": "2026-01-31T09:00:00Z"}]},
    "PUT /v1/users/{user_id}": {"signed_up_at": "2026-01-31T09:00:00Z", "attributes": {"country": "PT"}},
    "POST /v1/identity/merge": {"session_id": "visit-7", "user_id": "ada"},
    "POST /v1/users/{user_id}/recommendations": {
        "n": 5,
        "boost": {'category = "lighting"': 1.5},
        "cap": {"category": 2},
    },
    "POST /v1/recommendations": {"events": [{"item_id": "lamp", "event_type": "view"}], "n": 5},
}
"""A body that works, per operation; /docs and the tests send them."""
EXAMPLE_VALUES = {"user_id": "ada", "item_id": "lamp", "bundle": "20261124T120000-3f9a"}


class DocsPage(OpenAPIRenderPlugin):
    """Renders the page at /docs."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        page = _template().render(operations=operations(request.app), version=__version__)
        return page.encode()


def openapi_config() -> OpenAPIConfig:
    """Return how the framework describes the routes, and where it shows them."""
    return OpenAPIConfig(
        title="coldframe",
        version=__version__,
        use_handler_docstrings=True,
        render_plugins=[DocsPage(path="/", media_type=MediaType.HTML)],
        openapi_router=Router("/docs", route_handlers=[], include_in_schema=False, after_request=_only_problems),
    )


def document(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of an app."""
    if "openapi" not in app.state:
        app.state["openapi"] = _completed(app.openapi_schema.to_schema())
    return app.state["openapi"]


def operations(app: Litestar) -> list[dict[str, str]]:
    """Return each operation with its method, path, description and a curl command that calls it."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "description": operation.get("description", ""),
            "curl": _curl(method.upper(), path, operation),
        }
        for path, by_method in document(app)["paths"].items()
        for method, operation in by_method.items()
    ]


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def openapi_json(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return document(request.app)


def _only_problems(response: Response[Any]) -> Response[Any]:
    """Keep the framework's own page for unknown addresses below /docs from being a second shape of error."""
    if response.status_code != 404:
        return response
    problem = make_problem("route", "Only /docs itself is a page.")
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE)


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    """Add to the framework's description what it cannot know: problems, keys, the three forms of events, examples."""
    _, extra = msgspec.json.schema_components(
        [EventIn, EventBatch, Problem], ref_template="#/components/schemas/{name}"
    )
    components: dict[str, Any] = found.setdefault("components", {})
    components.setdefault("schemas", {}).update(extra)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    problem = {"description": "A problem.", "content": {MEDIA_TYPE: {"schema": _reference("Problem")}}}
    for path, by_method in found["paths"].items():
        for method, operation in by_method.items():
            operation["responses"].pop("400", None)
            operation["responses"]["default"] = problem
            _describe_access(operation, needed(method.upper(), path))
            _describe_body(operation, f"{method.upper()} {path}")
    return found


def _describe_access(operation: dict[str, Any], scope: str) -> None:
    """Say which key an operation needs. A service without any key asks for none."""
    operation["security"] = [] if scope == ANYBODY else [{"key": []}]
    words = {ANYBODY: "Needs no key.", ANY_KEY: "Needs any key."}.get(scope, f"Needs a key with the scope `{scope}`.")
    operation["description"] = f"{operation.get('description', '')}\n\n{words}".strip()


def _describe_body(operation: dict[str, Any], name: str) -> None:
    if "requestBody" not in operation:
        return
    content: dict[str, Any] = operation["requestBody"]["content"]["application/json"]
    if name == "POST /v1/events":
        event = _reference("EventIn")
        content["schema"] = {"oneOf": [event, {"type": "array", "items": event}, _reference("EventBatch")]}
    if name in EXAMPLE_BODIES:
        content["example"] = EXAMPLE_BODIES[name]


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    needed = {p["name"]: EXAMPLE_VALUES[p["name"]] for p in parameters if p["in"] == "query" and p.get("required")}
    url = "http://127.0.0.1:8000" + path.format_map(EXAMPLE_VALUES) + ("?" + urlencode(needed) if needed else "")
    parts = ["curl"] + (["-X", method] if method != "GET" else []) + [f"'{url}'"]
    if "requestBody" in operation:
        body = json.dumps(EXAMPLE_BODIES[f"{method} {path}"])
        parts += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " ".join(parts)


@cache
def _template() -> jinja2.Template:
    source = files("coldframe.serving").joinpath("docs.html").read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
