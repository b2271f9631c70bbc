"""Conditions on an item, as people write them: `price < 30 and category in ("lamps", "mugs")`.

Owns the language: reading it, checking it against what an item has, and saying where it is wrong. Never looks at an
item and runs no code of the caller.

    condition   = all ("or" all)*
    all         = one ("and" one)*
    one         = "not" one | "(" condition ")" | name compare value | name ["not"] "in" "(" value ("," value)* ")"
    compare     = "=" | "!=" | "<" | "<=" | ">" | ">="
    name        = item_id, category, tag: text; created_at, expires_at: a time as text;
                  any other, or one in backquotes: a numeric of that name
    value       = a number, or text in single or double quotes, in which a doubled quote is one
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Literal, NamedTuple, NoReturn

from coldframe.dataset.training_set import micros
from coldframe.errors import InputError
from coldframe.events.rules import checked_time

MAX_CHARACTERS = 4_000
MAX_COMPARISONS = 100
MAX_DEPTH = 50
TEXTS = ("item_id", "category", "tag")
TIMES = ("created_at", "expires_at")
REMEDY = 'Write it like: price < 30 and category in ("lamps", "mugs") and not tag = "sale".'

Kind = Literal["text", "time", "number"]
Order = Literal["=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Compare:
    """One attribute against one value: float for a number, int µs for a time. What an item lacks, no value meets."""

    kind: Kind
    name: str
    order: Order
    value: float | str


@dataclass(frozen=True)
class Among:
    """One attribute is one of some values."""

    kind: Kind
    name: str
    values: tuple[float | str, ...]


@dataclass(frozen=True)
class Not:
    """The opposite, also where the attribute is missing."""

    inner: "Condition"


@dataclass(frozen=True)
class Every:
    """All of some conditions."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Some:
    """At least one of some conditions."""

    parts: tuple["Condition", ...]


Condition = Compare | Among | Not | Every | Some


@lru_cache(maxsize=1_024)
def parse(text: str) -> Condition:
    """Return the condition that a text means. Raises `InputError` that names the character where it goes wrong.

    >>> parse("not price <= 30")
    Not(inner=Compare(kind='number', name='price', order='<=', value=30.0))
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"A condition has {len(text)} characters.", remedy=f"Use at most {MAX_CHARACTERS}.")
    reader = _Reader(text, _tokens(text))
    found = reader.condition(0)
    if reader.next.kind != "end":
        reader.refuse('"and", "or" or the end')
    return found


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<text>\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*')"
    r"|(?P<quoted>`[^`]+`)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign><=|>=|!=|==|[=<>(),])"
)
_KEYWORDS = {"and", "or", "not", "in"}


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse(at, "nothing closes this quote" if text[at] in "'\"`" else f"{text[at]!r} means nothing here")
        kind, part = match.lastgroup or "", match.group()
        if kind == "word" and part.lower() in _KEYWORDS:
            kind, part = "keyword", part.lower()
        if kind != "space":
            found.append(_Token(kind, part, at))
        at = match.end()
    return [*found, _Token("end", "the end", len(text))]


@dataclass
class _Reader:
    text: str
    tokens: list[_Token]
    place: int = 0
    comparisons: int = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def condition(self, depth: int) -> Condition:
        return self._joined("or", Some, lambda: self._joined("and", Every, lambda: self._one(depth)))

    def refuse(self, wanted: str) -> NoReturn:
        found = "the end" if self.next.kind == "end" else repr(self.next.text)
        _refuse(self.next.at, f"{wanted} was expected, {found} was found")

    def _joined(self, word: str, joined: type[Some] | type[Every], part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._took("keyword", word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else joined(tuple(parts))

    def _one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            _refuse(self.next.at, f"more than {MAX_DEPTH} conditions stand within each other")
        if self._took("keyword", "not"):
            return Not(self._one(depth + 1))
        if self._took("sign", "("):
            inner = self.condition(depth + 1)
            self._take("sign", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            _refuse(self.next.at, f"there are more than {MAX_COMPARISONS} comparisons")
        kind, name = self._name()
        if self._took("keyword", "not"):
            self._take("keyword", "in")
            return Not(self._among(kind, name))
        if self._took("keyword", "in"):
            return self._among(kind, name)
        sign = self.next
        if sign.kind != "sign" or sign.text in "(),":
            self.refuse('a comparison (=, !=, <, <=, >, >=, "in")')
        if kind == "text" and sign.text not in ("=", "==", "!="):
            _refuse(sign.at, f"{name} is text, which has no order: use =, != or in")
        self.place += 1
        equal = sign.text in ("=", "==", "!=")
        compared = Compare(kind, name, "=" if equal else sign.text, self._value(kind, name))  # type: ignore[arg-type]
        return Not(compared) if sign.text == "!=" else compared

    def _among(self, kind: Kind, name: str) -> Condition:
        self._take("sign", "(")
        values = [self._value(kind, name)]
        while self._took("sign", ","):
            values.append(self._value(kind, name))
        self._take("sign", ")")
        return Among(kind, name, tuple(values))

    def _name(self) -> tuple[Kind, str]:
        token = self.next
        if token.kind not in ("word", "quoted"):
            self.refuse("the name of an attribute")
        self.place += 1
        if token.kind == "quoted":
            return "number", token.text[1:-1]
        return ("text" if token.text in TEXTS else "time" if token.text in TIMES else "number"), token.text

    def _value(self, kind: Kind, name: str) -> float | str:
        token = self.next
        if token.kind not in ("number", "text"):
            self.refuse("a value")
        if (token.kind == "number") != (kind == "number"):
            wanted = "a number" if kind == "number" else "text in quotes"
            _refuse(token.at, f"{name} is compared with {wanted}, not with {token.text}")
        self.place += 1
        return _number(token) if kind == "number" else _text(token, kind)

    def _took(self, kind: str, text: str) -> bool:
        took = self.next.kind == kind and self.next.text == text
        self.place += took
        return took

    def _take(self, kind: str, text: str) -> None:
        if not self._took(kind, text):
            self.refuse(f'"{text}"')


def _number(token: _Token) -> float:
    value = float(token.text)
    if not isfinite(value):
        _refuse(token.at, f"{token.text} is too large")
    return value


def _text(token: _Token, kind: Kind) -> float | str:
    quote = token.text[0]
    text = token.text[1:-1].replace(quote * 2, quote)
    if kind == "text":
        return text
    try:
        return micros(checked_time(datetime.fromisoformat(text), token.text))
    except (InputError, ValueError):
        _refuse(token.at, f"{token.text} is no time such as 2026-01-31 or 2026-01-31T09:00:00Z")


def _refuse(at: int, what: str) -> NoReturn:
    raise InputError(f"The condition is wrong at character {at + 1}: {what}.", remedy=REMEDY)
