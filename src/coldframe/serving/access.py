"""Who may call, and where the service may listen without a key.

Owns the decision. Keys and their comparison are in `keys`, their file in `key_file`, what each route needs in `scopes`.
"""

import ipaddress
from pathlib import Path

from coldframe.errors import AccessError
from coldframe.serving.key_file import KeyFile, WatchedKeys
from coldframe.serving.keys import Key, bearer, bootstrap_key
from coldframe.serving.problems import RefusedError
from coldframe.serving.scopes import ANY_KEY, needed, open_paths
from coldframe.settings import ServingSettings

MIN_BOOTSTRAP_CHARS = 16
"""Shortest `serving.api_key`: what is chosen by a person must not be guessed."""


class Access:
    """Decides who may call. Without any key the service is open, and then it listens on loopback alone."""

    def __init__(self, keys: WatchedKeys, *, loopback: bool) -> None:
        self._keys, self._loopback = keys, loopback
        self.open_paths = open_paths()
        """What is answered to anybody, and never counted against anybody."""

    @classmethod
    def of(cls, settings: ServingSettings, data: Path | None = None) -> "Access":
        """Return the access to a service on a data folder, if it has one. Raises `AccessError`."""
        keys = WatchedKeys(KeyFile(data) if data else None, _bootstrap(settings))
        return cls(keys, loopback=is_loopback(settings.host))

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


def is_loopback(host: str) -> bool:
    """True for addresses that only this machine reaches.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def require_key_beyond_loopback(settings: ServingSettings, data: Path | None = None) -> None:
    """Refuse to listen where others could connect without a key. Raises `AccessError`."""
    keys = WatchedKeys(KeyFile(data) if data else None, _bootstrap(settings))
    if not len(keys.ring()) and not is_loopback(settings.host):
        raise AccessError(
            f"Listening at {settings.host} would let anybody on the network read and write.",
            remedy="Make a key: `coldframe keys create`. Or keep serving.host = '127.0.0.1'.",
        )


def _bootstrap(settings: ServingSettings) -> Key | None:
    """Return the key of `serving.api_key`, or None. Raises `AccessError` for one that can be guessed."""
    if not settings.api_key:
        return None
    if len(settings.api_key) < MIN_BOOTSTRAP_CHARS:
        raise AccessError(
            f"serving.api_key has {len(settings.api_key)} characters.",
            remedy=f"Give it at least {MIN_BOOTSTRAP_CHARS}, at random: `openssl rand -base64 32`.",
        )
    return bootstrap_key(settings.api_key)
