"""What a user told us as names: `country=France`, `age=30..40`.

Owns when a number stays itself and when it becomes a range. Ranges depend on the number alone, so that a trained
model's list of names is all that is needed to read a new user.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from coldframe.domain import Scalar

FEW_DISTINCT = 20
"""A numeric attribute with more distinct values than this is told in ranges."""


def attribute_names(users: Iterable[Mapping[str, Scalar]]) -> tuple[str, ...]:
    """Return the distinct names that users' attributes have, in order of the alphabet.

    >>> attribute_names([{"country": "France", "pets": 2.0}, {"country": "Spain", "member": True}])
    ('country=France', 'country=Spain', 'member=true', 'pets=2')
    """
    names: set[str | None] = set()
    numbers: defaultdict[str, set[float]] = defaultdict(set)
    for attributes in users:
        for name, value in attributes.items():
            if isinstance(value, str | bool):
                names.add(exact(name, value))
            else:
                numbers[name].add(value)
    for name, values in numbers.items():
        text = in_range if len(values) > FEW_DISTINCT else exact
        names.update(text(name, value) for value in values)
    return tuple(sorted(name for name in names if name is not None))


def told(attributes: Mapping[str, Scalar], known: Collection[str]) -> list[str]:
    """Return which of the known names a user has; for a number its exact name wins over its range.

    >>> told({"age": 37.0, "shoe": 41.0}, {"age=30..40", "shoe=41", "shoe=40..50"})
    ['age=30..40', 'shoe=41']
    """
    options = ((exact(name, value), in_range(name, value)) for name, value in attributes.items())
    return [found for pair in options if (found := next((text for text in pair if text in known), None)) is not None]


def exact(name: str, value: Scalar) -> str | None:
    """Return `name=value`; None for a number that is not finite.

    >>> exact("member", True), exact("age", 37.0), exact("height", 1.75), exact("height", float("nan"))
    ('member=true', 'age=37', 'height=1.75', None)
    """
    if isinstance(value, bool):
        return f"{name}={str(value).lower()}"
    if isinstance(value, str):
        return f"{name}={value}"
    return f"{name}={_plain(value)}" if math.isfinite(value) else None


def in_range(name: str, value: Scalar) -> str | None:
    """Return `name=low..high`, the range of numbers that share the first digit; None for what is no finite number.

    Nine ranges for each power of ten: ages fall into decades, prices from 10 to 100 into tens.

    >>> in_range("age", 37.0), in_range("price", 0.049), in_range("debt", -250.0), in_range("age", 0.0)
    ('age=30..40', 'price=0.04..0.05', 'debt=-300..-200', 'age=0')
    """
    if isinstance(value, str | bool) or not math.isfinite(value):
        return None
    if value == 0:
        return f"{name}=0"
    number = Decimal(repr(float(abs(value)))).normalize()
    digit, exponent = number.as_tuple().digits[0], number.adjusted()
    near, far = (float(f"{step}e{exponent}") for step in (digit, digit + 1))
    low, high = (near, far) if value > 0 else (-far, -near)
    return f"{name}={_plain(low)}..{_plain(high)}"


def _plain(number: float) -> str:
    whole = float(number).is_integer() and abs(number) < 1e15
    return str(int(number)) if whole else repr(float(number))
