"""Forms made of others.

Owns how they share a request. Learns nothing.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.scoring.mixing.evidence import Evidence
from coldframe.scoring.mixing.forms import Form, buckets


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
    """One form for each bucket of user history: none, and the three of `forms.buckets`."""

    new: Form
    few: Form
    some: Form
    many: Form

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        count = evidence.context[:1, 0]
        bucket = int(buckets(count)[0]) if len(count) else 0
        return (self.new, self.few, self.some, self.many)[bucket].combine(evidence)
