"""Who may call: the API key, and where the service may listen without one.

Owns the comparison. Never keeps, logs or shows the key itself, only its hash.
"""

import hashlib
import hmac
import ipaddress

from coldframe.errors import AccessError
from coldframe.settings import ServingSettings

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""What a load balancer asks; answered to anybody."""


class ApiKey:
    """A secret, remembered as its SHA-256.

    >>> ApiKey("open sesame").opens("Bearer open sesame"), ApiKey("open sesame").opens("Bearer x")
    (True, False)
    """

    def __init__(self, key: str) -> None:
        self._digest = hashlib.sha256(key.encode()).digest()

    def opens(self, authorization: str) -> bool:
        """True when an `Authorization` header carries the key; takes the same time for every wrong one."""
        scheme, _, given = authorization.partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogatepass")).digest()
        return hmac.compare_digest(digest, self._digest) and scheme.lower() == "bearer"

    @classmethod
    def of(cls, settings: ServingSettings) -> "ApiKey | None":
        """Return the configured key, or None where the service is open to its own machine."""
        return cls(settings.api_key) if settings.api_key else None


def is_loopback(host: str) -> bool:
    """True for addresses that only this machine reaches.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def require_key_beyond_loopback(settings: ServingSettings) -> None:
    """Refuse to listen where others could connect without a key. Raises `AccessError`."""
    if not settings.api_key and not is_loopback(settings.host):
        raise AccessError(
            f"Listening at {settings.host} would let anybody on the network read and write.",
            remedy="Set serving.api_key (or COLDFRAME_SERVING__API_KEY), or keep serving.host = '127.0.0.1'.",
        )
