"""A number with its definition and its interval.

Pure arithmetic over arrays: no file, no clock, no random state of its own. docs/metrics.md says what each one means.
"""

from coldframe.metrics.beyond import (
    catalogue_coverage,
    category_diversity,
    category_exposure,
    concentration,
    coverage,
    exposure,
    exposure_gini,
    gini,
    normalised_category_diversity,
    tail_share,
    top_share,
)
from coldframe.metrics.bootstrap import Resamples, bootstrap_mean, paired_bootstrap
from coldframe.metrics.interval import Comparison, Estimate, jackknife, wilson
from coldframe.metrics.ranking import (
    Ragged,
    average_precision_at_k,
    hit_rate_at_k,
    hits,
    mrr_at_k,
    ndcg_at_k,
    per_request,
    precision_at_k,
    recall_at_k,
)
from coldframe.metrics.survival import SurvivalCurve, kaplan_meier

__all__ = [
    "Comparison",
    "Estimate",
    "Ragged",
    "Resamples",
    "SurvivalCurve",
    "average_precision_at_k",
    "bootstrap_mean",
    "catalogue_coverage",
    "category_diversity",
    "category_exposure",
    "concentration",
    "coverage",
    "exposure",
    "exposure_gini",
    "gini",
    "hit_rate_at_k",
    "hits",
    "jackknife",
    "kaplan_meier",
    "mrr_at_k",
    "ndcg_at_k",
    "normalised_category_diversity",
    "paired_bootstrap",
    "per_request",
    "precision_at_k",
    "recall_at_k",
    "tail_share",
    "top_share",
    "wilson",
]
