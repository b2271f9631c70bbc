"""Inner products with every row of a matrix: the k best rows, and the scores of given ones.

Owns when to scan and when to compute. A scan only leaves out rows that cannot be among the k best; which of the others
are, exact scores decide. So the answer is that of sorting all exact scores, whatever scans (`library.name`).

**The bound.** Row v = s q + r with codes q in −127 … 127, query u = t p + e with codes p of 16 bits (fewer where a
product of dim of them would not fit into int32). Then

    v·u = s t q·p + s q·e + r·u,   so   |v·u − s t q·p| ≤ s ‖q‖ ‖e‖ + ‖r‖ ‖u‖

by Cauchy and Schwarz. q·p is exact in int32 (dim ≤ 65,536); of ‖q‖ and ‖r‖ ÷ s each row keeps its own, rounded up.
Double arithmetic on these adds at most 2^-48 |bias| + 2^-45 s ‖q‖ ‖u‖, and rounding a lower and an upper bound to
float32 keeps their order with the rounded score, since rounding is monotone. Where the vectors were turned before
(`turning`), `error` ‖v‖ ‖u‖ is added, with ‖v‖ ≤ s (‖q‖ + ‖r‖ ÷ s) of the turned row and ‖u‖ as it was asked.

**What is not read.** Of most rows only small codes are, of half a byte, −7 … 7 with a scale of their own, against codes
of the query in −127 … 127, sixteen products of which fit into 16 bits; and where the query asks little of what does not
lead, only those that lead. With v = (v', v''), v' = s' q' + r', and u = (u', u''), u' = t' p' + e',

    v·u ≤ s' t' q'·p' + s' ‖q'‖ ‖e'‖ + ‖r'‖ ‖u'‖ + ‖v''‖ ‖u''‖

again by Cauchy and Schwarz; each row keeps ‖v''‖ ÷ s', and a block of 16 rows the largest ‖q'‖ and ‖r'‖ ÷ s', of what
leads and of everything, where v'' is nothing. This bound is computed in float32, whose roundings are within
2^-21 |bias| + 2^-19 s' ‖q'‖ ‖u‖ + 2^-100 and 2^-19 of every other term; what overflows counts as infinite. Rows that
may reach are bounded by all their codes of 8 bits.

**What is kept.** Some rows whose first bounds are highest are bounded by all their codes; the k-th largest of their
lower bounds is what a row has to reach to be bounded by all its codes, too. Of all these a row is kept when its upper
bound reaches the k-th largest lower bound: at least k rows score that much, so no row left out is among the k best or
tied with the last of them. A row that is not finite has an infinite bound and is always scored exactly; NaN is no
score.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from coldframe.dataset.training_set import Floats, Rows
from coldframe.scoring.kernel.compiled import Compiled
from coldframe.scoring.kernel.library import library
from coldframe.scoring.kernel.plain import Plain
from coldframe.scoring.kernel.wishes import Best, Scores, Wanted

MAX_DIM = 65_536
"""What a product of codes is exact in int32 up to."""


class Scan(Scores, Protocol):
    """What differs between C and NumPy: how fast."""

    def best(self, query: Floats, wanted: Sequence[Wanted], key: int) -> Best:
        """Return the best rows of each wish for a finite query."""
        ...


class Matrix:
    """Vectors float32 [n, dim] and biases float32 [n] or None; the arrays are used, not copied, and never written."""

    def __init__(self, vectors: Floats, bias: Floats | None = None) -> None:
        vectors = np.ascontiguousarray(vectors, np.float32)
        bias = None if bias is None else np.ascontiguousarray(bias, np.float32)
        compiled = library() if vectors.shape[1] <= MAX_DIM else None
        self._scan: Scan = Plain(vectors, bias) if compiled is None else Compiled(vectors, bias, compiled)

    def scores(self, query: Floats) -> Floats:
        """Return every row's bias + vector · query, float32 [n]."""
        return self._scan.scores(_ready(query), None)

    def of(self, query: Floats, rows: Rows) -> Floats:
        """Return the same of some rows, to the bit."""
        return self._scan.scores(_ready(query), np.ascontiguousarray(rows, np.int32))

    def best(self, query: Floats, wanted: Sequence[Wanted], key: int) -> list[Rows]:
        """Return for each wish its k best rows, best first, ties by lot as in `ranking.best_rows`; NaN is no score.

        >>> matrix = Matrix(np.array([[1, 0], [0, 1], [1, 1]], np.float32))
        >>> everything = Wanted(np.ones(3, np.bool_), 2)
        >>> [rows.tolist() for rows in matrix.best(np.array([2, 1], np.float32), [everything], key=0)]
        [[2, 0]]
        """
        return self.search(query, wanted, key).rows

    def search(self, query: Floats, wanted: Sequence[Wanted], key: int) -> Best:
        """Return the same, and how many rows had to be scored exactly. Raises `ValueError` for an infinite query."""
        if not np.isfinite(query).all():
            raise ValueError("A query has to be finite: nothing can be ranked by infinity or NaN.")
        wanted = [Wanted(np.ascontiguousarray(each.among, np.bool_), each.k) for each in wanted]
        return self._scan.best(_ready(query), wanted, key)


def _ready(query: Floats) -> Floats:
    return np.ascontiguousarray(query, np.float32)
