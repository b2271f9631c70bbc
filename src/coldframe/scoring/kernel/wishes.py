"""What is wanted of a matrix, and what was found."""

from typing import NamedTuple

from coldframe.dataset.training_set import Bools, Rows


class Wanted(NamedTuple):
    """How many rows are wanted, and among which: a mask, bool [n]."""

    among: Bools
    k: int


class Best(NamedTuple):
    """The best rows of each wish, best first, and how many rows its scan could not leave out."""

    rows: list[Rows]
    scanned: list[int]
