"""Forms made of others.

Owns how they share a request. Learns nothing.
"""

from dataclasses import dataclass

import numpy as np

from coldframe.dataset.training_set import Floats
from coldframe.scoring.mixing.evidence import NEW_WHEN_FITTED, Evidence, chosen
from coldframe.scoring.mixing.forms import Blend, Form, buckets


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


@dataclass(frozen=True)
class Newcomers:
    """`inner` says where items stand that nobody had when the experts were fitted, `order` which of them stands where.

    Their scores are `inner`'s, dealt out anew among them: no other item moves.
    """

    inner: Form
    order: Blend

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        scores = self.inner.combine(evidence)
        new = np.flatnonzero(evidence.context[:, NEW_WHEN_FITTED] > 0)
        best_first = new[np.argsort(-self.order.combine(chosen(evidence, new)), kind="stable")]
        dealt = scores.copy()
        dealt[best_first] = -np.sort(-scores[new])
        return dealt


@dataclass(frozen=True)
class OneByOne:
    """`order` for new items and `inner` for the others, on scales of their own: no ranking, only reasons."""

    inner: Form
    order: Blend

    def combine(self, evidence: Evidence) -> Floats:
        """Return float32 [n]."""
        is_new = evidence.context[:, NEW_WHEN_FITTED] > 0
        return np.where(is_new, self.order.combine(evidence), self.inner.combine(evidence)).astype(np.float32)


def by_row(form: Form) -> Form:
    """Return a form whose score of an item does not depend on which others are asked about."""
    if isinstance(form, Newcomers):
        return OneByOne(form.inner, form.order)
    if isinstance(form, ByUser):
        return ByUser(*(by_row(one) for one in (form.new, form.few, form.some, form.many)))
    return form
