"""The terms of one list beyond its length: which items may be on it.

Owns their shape. What a list may hold follows from them in `listing`.
"""

from dataclasses import dataclass

from coldframe.serving.expressions import parse


@dataclass(frozen=True)
class Terms:
    """What a caller asks of one list. `filter` is a condition (`expressions`) that every item meets.

    Raises `InputError` for a condition that cannot be read.
    """

    filter: str | None = None

    def __post_init__(self) -> None:
        if self.filter is not None:
            parse(self.filter)


NO_TERMS = Terms()
