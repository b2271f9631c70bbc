"""Templates, formats and the headers of every page.

Owns how a value becomes HTML: everything is escaped, nothing is fetched from elsewhere. Never decides what is shown.
"""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, cast

import jinja2
from litestar import MediaType, Response

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Sent with every page and fragment: a script or style that is not ours never runs."""

STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""What the page loads, and as what."""


def html(template: str, *, status_code: int = 200, **values: Any) -> Response[str]:
    """Return a rendered template with the headers of a page."""
    body = _environment().get_template(template).render(**values)
    return Response(body, media_type=MediaType.HTML, headers=HEADERS, status_code=status_code)


@cache
def static_text(name: str) -> str:
    """Return one file of `STATIC`."""
    return files("coldframe.dashboard").joinpath("static", name).read_text(encoding="utf-8")


def day(moment: datetime) -> str:
    """Return a date as a person writes it.

    >>> day(datetime(2011, 12, 9))
    '9 Dec 2011'
    """
    return f"{moment.day} {moment:%b %Y}"


def plural(n: int, word: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "event"), plural(1204, "event")
    ('1 event', '1,204 events')
    """
    return f"{n:,} {word}{'' if n == 1 else 's'}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coldframe.dashboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cast("dict[str, Any]", environment.filters).update(day=day, plural=plural)
    return environment
