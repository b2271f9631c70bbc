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
    """The mean of two forms' scores, each divided by its deviation on the lessons that both were fitted on."""

    first: Form
    second: Form
    first_scale: float
    second_scale: float

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        both = self.first.combine(evidence) / self.first_scale + self.second.combine(evidence) / self.second_scale
        return (both / 2).astype(np.float32)


@dataclass(frozen=True)
class ByUser:
    """One form for users without history, another one for all others."""

    new: Form
    known: Form

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        is_new = bool(len(evidence.context)) and evidence.context[0, 1] > 0
        return (self.new if is_new else self.known).combine(evidence)
