"""Who may call.

Owns the decision. Keys and their comparison are in `keys`, their file in `key_file`, what each route needs in `scopes`,
where the service may listen in `listening`.
"""

from pathlib import Path

from coldframe.serving.key_file import WatchedKeys
from coldframe.serving.keys import Key, bearer
from coldframe.serving.listening import is_loopback, watched_keys
from coldframe.serving.problems import RefusedError
from coldframe.serving.scopes import ANY_KEY, needed, open_paths
from coldframe.settings import ServingSettings


class Access:
    """Decides who may call. Without any key the service is open, and then it listens on loopback alone."""

    def __init__(self, keys: WatchedKeys, *, loopback: bool) -> None:
        self._keys, self._loopback = keys, loopback
        self.open_paths = open_paths()
        """What is answered to anybody, and never counted against anybody."""

    @classmethod
    def of(cls, settings: ServingSettings, data: Path | None = None) -> "Access":
        """Return the access to a service on a data folder, if it has one. Raises `AccessError`."""
        return cls(watched_keys(settings, data), loopback=is_loopback(settings.host))

    def caller(self, path: str, authorization: str) -> Key | None:
        """Return the key of a request; None where none is needed. Raises `RefusedError` with 401."""
        if path in self.open_paths:
            return None
        ring = self._keys.ring()
        if self._loopback and not self._keys.ever:
            return None
        token = bearer(authorization)
        key = ring.holder(token) if token else None
        if key is None:
            raise RefusedError(
                "access",
                "The request carries no valid API key.",
                headers={"www-authenticate": 'Bearer realm="coldframe"'},
            )
        return key


def check_scope(key: Key | None, method: str, template: str) -> None:
    """Refuse a route that a key may not call. Raises `RefusedError` with 403; of no key nothing is asked."""
    scope = needed(method, template)
    if key is not None and scope != ANY_KEY and not key.may(scope):
        raise RefusedError(
            "scope",
            f"{method} {template} needs the scope {scope}; key {key.id} has {', '.join(key.scopes)}.",
            headers={"www-authenticate": f'Bearer realm="coldframe", error="insufficient_scope", scope="{scope}"'},
        )
