"""Forms made of two others.

Owns how two forms share a request. Learns nothing.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.scoring.mixing.evidence import Evidence
from coldframe.scoring.mixing.forms import Form


@dataclass(frozen=True)
class Mean:
    """The mean of two forms' scores, each with mean 0 and deviation 1 over the request's candidates."""

    first: Form
    second: Form

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        both = standardised(self.first.combine(evidence)) + standardised(self.second.combine(evidence))
        return (both / 2).astype(np.float32)


def standardised(scores: Floats) -> Floats:
    """Return scores with mean 0 and deviation 1; equal scores become 0.

    >>> standardised(np.array([1, 3], np.float32)).tolist()
    [-1.0, 1.0]
    """
    deviation = scores.std() if len(scores) else 0
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)


@dataclass(frozen=True)
class ByUser:
    """One form for users without history, another one for all others."""

    new: Form
    known: Form

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        is_new = bool(len(evidence.context)) and evidence.context[0, 1] > 0
        return (self.new if is_new else self.known).combine(evidence)
