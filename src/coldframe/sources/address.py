"""Where rows lie, as a person writes it: a URL, shown to nobody with the password that may be in it.

Owns which URL is which kind of source. Never opens one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from coldframe.errors import InputError

Kind = Literal["objects", "postgresql", "bigquery"]
DATABASES: dict[str, Kind] = {"postgresql": "postgresql", "postgres": "postgresql", "bigquery": "bigquery"}
"""Schemes of databases; every other scheme is object storage."""
WITH_PORTS = {*DATABASES, "http", "https", "ftp", "sftp"}
HIDDEN = "***"


@dataclass(frozen=True)
class Address:
    """A source's URL.

    >>> Address("postgresql://ann:secret@db/shop").shown
    'postgresql://ann:***@db/shop'
    >>> Address("s3://bucket/events/").kind, Address("bigquery://shop").kind
    ('objects', 'bigquery')
    """

    url: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    def __str__(self) -> str:
        return self.shown

    @cached_property
    def parts(self) -> SplitResult:
        """The URL taken apart. Raises `InputError` when it is none."""
        try:
            parts = urlsplit(self.url)
            _ = parts.port if parts.scheme.lower() in WITH_PORTS else None
        except ValueError:
            raise InputError(
                "The source is no URL: its host or port cannot be read.",
                remedy="Write it like postgresql://user@host:5432/database; spell / : @ in a password as %2F %3A %40.",
            ) from None
        return parts

    @property
    def kind(self) -> Kind:
        """What lies there."""
        return DATABASES.get(self.parts.scheme.lower(), "objects")

    @property
    def secrets(self) -> list[str]:
        """The passwords in the URL, as they are written and as they are meant, the longest first."""
        named = (part.partition("=") for part in self.parts.query.split("&") if _hidden(part) != part)
        found = [self.parts.password or "", *(value for _, _, value in named)]
        return sorted({text for one in found if one for text in (one, unquote(one))}, key=len, reverse=True)

    @cached_property
    def shown(self) -> str:
        """The URL without its passwords."""
        user, at, host = self.parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        query = "&".join(map(_hidden, self.parts.query.split("&")))
        place = name + (f":{HIDDEN}" if colon and at else "") + at + host
        return f"{self.parts.scheme}://{place}{self.parts.path}" + (f"?{query}" if query else "")

    def scrubbed(self, text: str) -> str:
        """Return a text of somebody else's, for example an error, without the passwords in this URL.

        >>> Address("postgresql://ann:s3cret@db/shop").scrubbed("bad token: s3cret")
        'bad token: ***'
        """
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text


SECRET_NAMES = ("password", "sslpassword", "passfile", "token", "secret", "key", "sig", "signature")
"""Parameters of a URL whose values are nobody's business."""


def _hidden(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}{equals}{HIDDEN}" if equals and name.lower() in SECRET_NAMES else parameter


def is_address(text: str) -> bool:
    """Return whether a text names a source by URL, rather than a file by its path.

    >>> is_address("s3://bucket/a.csv"), is_address("events/a.csv"), is_address("C:/events.csv")
    (True, False, False)
    """
    scheme, found, _ = text.partition("://")
    return bool(found) and len(scheme) > 1 and scheme.replace("+", "").replace("-", "").isalnum()
