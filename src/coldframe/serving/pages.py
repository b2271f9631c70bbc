"""A list in pages: what one page hands to the next, as a token that needs no memory of the service.

Owns the token: what is in it, whose it is, how long it is good for. It names nobody, and holds the terms of the list
and a mark (CRC-32) of every item that was left out or shown. Any worker, and the next bundle, can go on from it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Rows, Vocabulary
from coldframe.errors import ExpiredError, InputError
from coldframe.events.rules import checked_id
from coldframe.serving.terms import NO_TERMS, Terms
from coldframe.settings import RecommendSettings

Marks = NDArray[np.uint32]
MAX_MARKS = 5_000
"""Most items that pages remember: those shown and those the caller left out. Then the list ends."""
_VERSION = 1
_SUM_BYTES = 8
_MINUTE_US = 60_000_000


class _Token(msgspec.Struct, array_like=True, frozen=True):
    """What a token holds, in MessagePack. `marks` are little-endian uint32."""

    version: int
    made_at: int
    offset: int
    n: int
    scenario: str
    category: str | None
    filter: str | None
    pin: dict[str, int]
    boost: dict[str, float]
    cap: dict[str, int]
    diversity: float | None
    first: str
    marks: bytes


_DECODER = msgspec.msgpack.Decoder(_Token)


@dataclass(frozen=True)
class Page:
    """Where a page of a list stands: after `offset` items, none of `marks` again.

    `who` asks, `terms` are the caller's own, `first` is the recommendation_id of the first page, None on that page.
    `capped`: a page may be short because of caps, which begin anew on the next one.
    """

    who: str
    n: int
    category: str | None = None
    terms: Terms = NO_TERMS
    scenario: str = "default"
    offset: int = 0
    first: str | None = None
    marks: Marks = field(default_factory=lambda: np.empty(0, np.uint32))
    capped: bool = False

    def following(self, recommendation_id: str, items: Collection[str], now: int) -> str | None:
        """Return the token of the page after this one, which showed `items` at `now` (µs); None: the list has ended."""
        marks = np.union1d(self.marks, marks_of(items))
        ended = len(items) < (1 if self.capped else self.n)
        if ended or len(marks) > MAX_MARKS:
            return None
        terms = self.terms
        token = _Token(
            _VERSION,
            now,
            self.offset + len(items),
            self.n,
            self.scenario,
            self.category,
            terms.filter,
            dict(terms.pin),
            dict(terms.boost),
            dict(terms.cap),
            terms.diversity,
            self.first or recommendation_id,
            marks.astype("<u4").tobytes(),
        )
        body = msgspec.msgpack.encode(token)
        return urlsafe_b64encode(_sum(body, self.who) + body).decode().rstrip("=")


def first_page(who: str, n: int, exclude: Collection[str], category: str | None, terms: Terms, scenario: str) -> Page:
    """Return the first page of a list. Raises `InputError` where too much is left out for pages to remember."""
    marks = marks_of(exclude)
    if len(marks) > MAX_MARKS:
        raise InputError(f"exclude has {len(marks)} items.", remedy=f"Pages remember at most {MAX_MARKS}.")
    return Page(who, n, category, replace(terms, pages=False), scenario, marks=marks)


def next_page(token: str, who: str, n: int | None, now: int, limits: RecommendSettings) -> Page:
    """Return the page that a token stands for, of `n` items where that is said. `now` in µs.

    Raises `InputError` for what is no token or another user's, `ExpiredError` for one that is too old.
    """
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        told, body = raw[:_SUM_BYTES], raw[_SUM_BYTES:]
        given = _DECODER.decode(body)
        marks = np.frombuffer(given.marks, "<u4").astype(np.uint32)
    except (ValueError, msgspec.DecodeError) as error:
        raise _foreign() from error
    size = given.n if n is None else n
    sound = told == _sum(body, who) and given.version == _VERSION and len(marks) <= MAX_MARKS
    if not (sound and 1 <= size <= limits.max_n and given.offset >= 0):
        raise _foreign()
    if not 0 <= now - given.made_at < limits.page_minutes * _MINUTE_US:
        raise ExpiredError(
            f"`next` is older than {limits.page_minutes:g} minutes.",
            remedy="Ask for the first page again, without `next`.",
        )
    terms = Terms(given.filter, given.pin, given.boost, given.cap, given.diversity)
    scenario, first = checked_id(given.scenario, "scenario"), checked_id(given.first, "recommendation_id")
    return Page(who, size, given.category, terms, scenario, given.offset, first, marks)


def marks_of(item_ids: Iterable[str]) -> Marks:
    """Return the marks of items, ascending, each once."""
    return np.unique(np.fromiter((crc32(item_id.encode()) for item_id in item_ids), np.uint32))


@dataclass(frozen=True)
class MarkedRows:
    """The rows of one vocabulary by mark. Two items in four billion share one: the other is then left out as well."""

    items: Vocabulary

    def of(self, marks: Marks) -> Rows:
        """Return the rows that have one of some marks."""
        by_mark, rows = self._sorted
        first, end = np.searchsorted(by_mark, marks, "left"), np.searchsorted(by_mark, marks, "right")
        found = [rows[start:stop] for start, stop in zip(first, end, strict=True) if stop > start]
        return np.concatenate([np.empty(0, np.int32), *found])

    @cached_property
    def _sorted(self) -> tuple[Marks, Rows]:
        marks = np.fromiter((crc32(item_id.encode()) for item_id in self.items.ids), np.uint32, len(self.items))
        order = np.argsort(marks, kind="stable")
        return marks[order], order.astype(np.int32)


def _sum(body: bytes, who: str) -> bytes:
    """Return what tells a damaged token, or one of somebody else: no secret, since a token allows nothing."""
    return blake2b(body, digest_size=_SUM_BYTES, key=blake2b(who.encode(), digest_size=32).digest()).digest()


def _foreign() -> InputError:
    return InputError(
        "`next` is no token of this user's list.",
        remedy="Send the `next` of the page before as it came, for the same user or session.",
    )
