"""Which outcome belongs to which impression, and what that says about the recommendations in use."""

from coldframe.feedback.attribution import Attribution, Delivered, attribute, delivered
from coldframe.feedback.conversion import (
    FirstConversions,
    begin_at_first_list,
    begin_at_sign_up,
    first_conversions,
    user_milestones,
)
from coldframe.feedback.production import evaluate_production_metrics
from coldframe.feedback.report import Definitions, Metric, ProductionMetrics

__all__ = [
    "Attribution",
    "Definitions",
    "Delivered",
    "FirstConversions",
    "Metric",
    "ProductionMetrics",
    "attribute",
    "begin_at_first_list",
    "begin_at_sign_up",
    "delivered",
    "evaluate_production_metrics",
    "first_conversions",
    "user_milestones",
]
