"""One shape for everything that goes wrong over HTTP: problem JSON (RFC 9457) with a code and a remedy.

Owns the codes that only HTTP knows and the translation of every exception into an answer. Never decides whether
something is wrong.
"""

import logging
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from coldframe.errors import ColdframeError

MEDIA_TYPE = "application/problem+json"
logger = logging.getLogger("coldframe.serving")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer with a status of 400 or more holds.

    `title` names the kind, `detail` says what happened and to which thing, `remedy` what to do next.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str


class Kind(NamedTuple):
    """One kind of problem: its status, its title and what helps when nothing better is known."""

    status: int
    title: str
    remedy: str


KINDS: dict[str, Kind] = {
    "json": Kind(400, "The body is not JSON", "Send one JSON value in UTF-8."),
    "duplicate_key": Kind(400, "A name stands twice in one object", "Send each name once."),
    "nesting": Kind(400, "The body is nested too deeply", "Send the flat objects that /openapi.json describes."),
    "input": Kind(400, "The request cannot be used", "Compare it with /openapi.json."),
    "path": Kind(400, "The address is not text", "Percent-encode the UTF-8 bytes of an id; NUL is never part of one."),
    "incomplete": Kind(400, "The body broke off", "Send as many bytes as the headers announce."),
    "access": Kind(401, "The API key is missing or wrong", "Send the header `Authorization: Bearer <key>`."),
    "scope": Kind(403, "The API key may not do this", "Use a key with this scope: `coldframe keys create`."),
    "origin": Kind(403, "Another site's page may not write here", "Call from your own server or page."),
    "unknown_id": Kind(404, "There is no such thing", "Check the id."),
    "route": Kind(404, "There is no such address", "/docs lists them all."),
    "method": Kind(405, "The address does not answer this method", "The header `Allow` lists the methods it answers."),
    "timeout": Kind(408, "The body came too slowly", "Send it faster, or in smaller requests."),
    "conflict": Kind(409, "The state of the service does not allow this", "Look at what is there, then ask again."),
    "expired": Kind(410, "It is too old", "Ask for the first page again."),
    "too_large": Kind(413, "The request is too large", "Send several smaller requests."),
    "uri_too_long": Kind(414, "The address is too long", "Ask for less at once."),
    "media_type": Kind(415, "The body is not announced as JSON", "Send the header `Content-Type: application/json`."),
    "rate": Kind(429, "Too many requests with this key", "Wait as many seconds as `Retry-After` says."),
    "overloaded": Kind(503, "The service is overloaded", "Retry after the seconds that Retry-After names."),
    "busy": Kind(503, "The store is busy", "Retry in a second."),
    "store": Kind(503, "The store cannot be used", "Look at the service's log, then retry."),
    "bundle": Kind(503, "No model is live", "Train and promote one: `coldframe train`. Events are accepted meanwhile."),
    "internal": Kind(500, "Something unexpected went wrong", "Look at the service's log."),
}
"""Every code that can occur, in the order of the statuses."""

RETRY_SECONDS = {"overloaded": 1, "busy": 1, "store": 5}
"""When to try again, by code, in seconds: what the header `Retry-After` says."""

_BY_STATUS = {
    400: "input",
    401: "access",
    404: "route",
    405: "method",
    413: "too_large",
    414: "uri_too_long",
    415: "media_type",
}


class RefusedError(Exception):
    """A request that HTTP itself refuses; carries the problem that answers it."""

    def __init__(
        self, code: str, detail: str, *, remedy: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = make_problem(code, detail, remedy=remedy)
        self.headers = retry_after(self.problem) | (headers or {})


def make_problem(code: str, detail: str, *, remedy: str | None = None, status: int | None = None) -> Problem:
    """Return the problem of one kind; an unknown code keeps its name and the title of its status.

    >>> make_problem("route", "Nothing answers at /x.").status
    404
    """
    kind = KINDS.get(code) or KINDS[_BY_STATUS.get(status or 500, "internal" if (status or 500) >= 500 else "input")]
    return Problem(
        type=f"urn:coldframe:problem:{code}",
        title=kind.title,
        status=status or kind.status,
        code=code,
        detail=detail,
        remedy=remedy or kind.remedy,
    )


def retry_after(problem: Problem) -> dict[str, str]:
    """Return the header that says when to try again, where that may help.

    >>> retry_after(make_problem("busy", "100 events wait."))
    {'retry-after': '1'}
    """
    seconds = RETRY_SECONDS.get(problem.code)
    return {} if seconds is None else {"retry-after": str(seconds)}


def problem_of(error: Exception, *, method: str, path: str, route: str = "unmatched") -> Problem:
    """Return the problem that an exception amounts to; what nobody foresaw is logged and told as `internal`.

    The log names the route's template, never the address, which holds ids of people.
    """
    if isinstance(error, RefusedError):
        return error.problem
    if isinstance(error, ColdframeError):
        return make_problem(error.code, error.message, remedy=error.remedy or None, status=error.http_status)
    if isinstance(error, HTTPException) and error.status_code < 500:
        code = _BY_STATUS.get(error.status_code, "input")
        return make_problem(code, _detail(error, method, path), status=error.status_code)
    logger.error("%s %s failed", method, route, exc_info=error)
    return make_problem("internal", f"{method} failed for a reason that is not yours.")


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer a request with the problem that stopped it."""
    path, route = request.scope["path"].replace("\x00", "%2F"), request.scope.get("path_template") or "unmatched"
    problem = problem_of(error, method=request.method, path=path, route=route)
    given = getattr(error, "headers", None)
    headers = {**retry_after(problem), **(given if isinstance(given, dict) else {})}
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _detail(error: HTTPException, method: str, path: str) -> str:
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return "; ".join(_one(entry) for entry in error.extra) or error.detail
    shown = path if len(path) <= 200 else path[:200] + "…"
    if error.status_code == 404:
        return f"Nothing answers at {shown}."
    if error.status_code == 405:
        return f"{shown} does not answer {method}."
    return error.detail


def _one(entry: Any) -> str:
    """Word one of the framework's findings about a parameter."""
    name, message = entry.get("key", ""), entry.get("message", "")
    if name == "data":
        return "The request has no body."
    if message.startswith("Missing required"):
        return f"{name}: it is required."
    return f"{name}: {message}." if name else message
