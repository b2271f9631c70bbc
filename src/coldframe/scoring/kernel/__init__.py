"""The best rows of a matrix of vectors, and exact scores: the part of an answer that looks at every item.

    matrix.py     what is asked, and the proof that what the scan leaves out cannot be an answer
    exact.py      the arithmetic of a score, the same bits everywhere
    scan.c        the scan over 4-bit and 8-bit codes, compiled at installation where there is a compiler
    layout.h      how those codes lie in memory; coding.h makes them, products.h multiplies them on each processor
    turning.py    which directions it reads first
    library.py    finding and typing it
    wishes.py     what is wanted and what was found
    compiled.py   the memory it reads
    plain.py      the same scan in NumPy
    per_request.py  a user's vector from the past, ranks, sums of sparse rows: request.c, or NumPy

Owns speed. What a score means is its expert's.
"""

from coldframe.scoring.kernel.library import name
from coldframe.scoring.kernel.matrix import Matrix
from coldframe.scoring.kernel.per_request import System, folded_in, ranks, sum_of_rows
from coldframe.scoring.kernel.wishes import Wanted

__all__ = ["Matrix", "System", "Wanted", "folded_in", "name", "ranks", "sum_of_rows"]
