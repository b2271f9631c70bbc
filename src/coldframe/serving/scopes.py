"""Which key may call which route: the whole table.

Owns the table. A route that is not in it needs `admin`, so that a new one is closed until somebody decides; a test
compares the table with the routes there are.
"""

from typing import Final

ANYBODY: Final = "anybody"
"""Answered without a key: what load balancers ask."""
ANY_KEY: Final = "any key"
"""Answered to whoever has a key, whatever its scope."""

SCOPES: dict[str, str] = {
    "GET /healthz": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /metrics": ANY_KEY,
    "GET /docs": ANY_KEY,
    "GET /openapi.json": ANY_KEY,
    "POST /v1/events": "events:write",
    "POST /v1/identity/merge": "events:write",
    "GET /v1/users/{user_id}/recommendations": "recommendations:read",
    "POST /v1/users/{user_id}/recommendations": "recommendations:read",
    "GET /v1/users/{user_id}/explanation": "recommendations:read",
    "POST /v1/recommendations": "recommendations:read",
    "GET /v1/items/{item_id}/similar": "recommendations:read",
    "GET /v1/items/{item_id}": "recommendations:read",
    "POST /v1/items": "admin",
    "PUT /v1/items/{item_id}": "admin",
    "DELETE /v1/items/{item_id}": "admin",
    "POST /v1/users": "admin",
    "PUT /v1/users/{user_id}": "admin",
    "GET /v1/users/{user_id}": "admin",
    "DELETE /v1/users/{user_id}": "admin",
    "GET /v1/erasures": "admin",
    "GET /v1/models": "admin",
    "POST /v1/models/{bundle}/promote": "admin",
    "POST /v1/models/rollback": "admin",
}
"""Method and template → what the key needs."""


def needed(method: str, template: str) -> str:
    """Return what a key needs for a route; of OPTIONS, which only lists methods, any key is enough.

    >>> needed("POST", "/v1/events"), needed("GET", "/somewhere/new")
    ('events:write', 'admin')
    """
    return ANY_KEY if method == "OPTIONS" else SCOPES.get(f"{method} {template}", "admin")


def open_paths() -> frozenset[str]:
    """Return the addresses that are answered without a key."""
    return frozenset(route.partition(" ")[2] for route, scope in SCOPES.items() if scope == ANYBODY)
