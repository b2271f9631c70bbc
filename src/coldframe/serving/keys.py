"""API keys: what one may do, how a token is recognised, and who holds which.

Owns the token's form and the comparison. A token is shown once, when it is made; what is kept is its SHA-256. No slow
hash is needed: a slow hash buys time for passwords that can be guessed, and nobody guesses 256 random bits, while a
slow hash of every request would let anybody tire the service. Never reads a file, never logs or shows a token.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import msgspec

from coldframe.clock import new_key_id, new_secret

Scope = Literal["events:write", "recommendations:read", "admin"]
"""What a key may do. `admin` may do everything."""
ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "cf"
"""What every token begins with, so that scanners for leaked secrets know one."""

_NOBODY = hashlib.sha256(b"").digest()


class Key(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One key as it is kept: `digest`: the token's SHA-256 in hexadecimal, `rate`: requests a second, or None."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None
    rate: float | None = None

    def may(self, scope: str) -> bool:
        """True when the key has a scope, or may do everything."""
        return scope in self.scopes or "admin" in self.scopes


class NewKey(NamedTuple):
    """A key and the token that only its holder will ever see again."""

    key: Key
    token: str


def new_key(name: str, scopes: Iterable[Scope], *, now: datetime, rate: float | None = None) -> NewKey:
    """Return a fresh key: `cf_<id>_<secret>`, the id public, the secret 256 random bits."""
    key_id = new_key_id()
    token = f"{PREFIX}_{key_id}_{new_secret()}"
    ordered: tuple[Scope, ...] = tuple(scope for scope in ALL_SCOPES if scope in set(scopes))
    return NewKey(Key(id=key_id, name=name, scopes=ordered, digest=_hex(token), created_at=now, rate=rate), token)


def bootstrap_key(token: str) -> Key:
    """Return the key of `serving.api_key`: chosen by a person, may do everything, kept in memory alone."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return Key(id="bootstrap", name="serving.api_key", scopes=("admin",), digest=_hex(token), created_at=epoch)


class KeyRing:
    """The keys that open, found by the id in a token.

    >>> made = new_key("shop", ["events:write"], now=datetime(2026, 1, 1))
    >>> ring = KeyRing([made.key])
    >>> ring.holder(made.token) == made.key, ring.holder(made.token + "x")
    (True, None)
    """

    def __init__(self, keys: Iterable[Key], bootstrap: Key | None = None) -> None:
        self._by_id = {key.id: key for key in keys if key.revoked_at is None}
        self._bootstrap = bootstrap

    def __len__(self) -> int:
        """Return how many keys open."""
        return len(self._by_id) + (self._bootstrap is not None)

    def holder(self, token: str) -> Key | None:
        """Return the key of a token, or None; takes the same time for every wrong token."""
        given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        key = self._by_id.get(_id_of(token), self._bootstrap)
        expected = bytes.fromhex(key.digest) if key else _NOBODY
        return key if hmac.compare_digest(given, expected) else None


def bearer(authorization: str) -> str:
    """Return the token of an `Authorization` header; nothing for any other scheme.

    >>> bearer("Bearer  abc "), bearer("Basic abc")
    ('abc', '')
    """
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _id_of(token: str) -> str:
    parts = token.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else ""


def _hex(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
