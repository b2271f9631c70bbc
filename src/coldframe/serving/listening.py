"""Where the service may listen, and with which keys: nobody beyond this machine is answered without one.

Knows no HTTP, so that the process which only watches the one that answers need not import it.
"""

import ipaddress
from pathlib import Path

from coldframe.errors import AccessError
from coldframe.serving.key_file import KeyFile, WatchedKeys
from coldframe.serving.keys import Key, bootstrap_key
from coldframe.settings import ServingSettings

MIN_BOOTSTRAP_CHARS = 16
"""Shortest `serving.api_key`: what is chosen by a person must not be guessed."""


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
    if not len(watched_keys(settings, data).ring()) and not is_loopback(settings.host):
        raise AccessError(
            f"Listening at {settings.host} would let anybody on the network read and write.",
            remedy="Make a key: `coldframe keys create`. Or keep serving.host = '127.0.0.1'.",
        )


def watched_keys(settings: ServingSettings, data: Path | None) -> WatchedKeys:
    """Return the keys of a service on a data folder, if it has one. Raises `AccessError`."""
    return WatchedKeys(KeyFile(data) if data else None, _bootstrap(settings))


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
