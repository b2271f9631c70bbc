"""An evaluation as JSON.

Owns the shape of `coldframe evaluate --json`. A number that is not defined is null, never NaN.
"""

import json
from collections.abc import Mapping
from math import isfinite

from coldframe.evaluation.evaluate import EvaluationReport
from coldframe.evaluation.measure import Differences, Numbers
from coldframe.metrics import Comparison, Estimate

Json = dict[str, object]


def as_json(report: EvaluationReport) -> str:
    """Return the report as JSON text, indented.

    `{"models": {NAME: {"ndcg@10": {"value", "low", "high", "n"}, …}}, "slices": {SLICE: {NAME: {METRIC: …}}},
    "differences": …, "seconds": …, …}`; docs/evaluation.md lists every key.
    """
    return json.dumps(as_tree(report), indent=2, allow_nan=False, ensure_ascii=False)


def as_tree(report: EvaluationReport) -> Json:
    """Return the report as nested dicts of finite numbers, text and None."""
    return {
        "protocol": report.protocol,
        "k": list(report.ks),
        "reference": report.reference,
        "fallback": report.fallback,
        "left_out": list(report.left_out),
        "n": {"requests": report.n_requests, "users": report.n_users, "items": report.n_items},
        "models": _models(report.models),
        "slices": {name: _models(models) for name, models in report.slices.items()},
        "slice_requests": dict(report.slice_requests),
        "differences": _differences(report.differences),
        "slice_differences": {name: _differences(models) for name, models in report.slice_differences.items()},
        "facts": {name: _number(value) for name, value in report.facts.items()},
        "seconds": {name: _number(value) for name, value in report.seconds.items()},
    }


def _models(models: Mapping[str, Numbers]) -> Json:
    return {model: {metric: _estimate(one) for metric, one in metrics.items()} for model, metrics in models.items()}


def _differences(models: Differences) -> Json:
    return {model: {metric: _comparison(one) for metric, one in metrics.items()} for model, metrics in models.items()}


def _estimate(one: Estimate) -> Json:
    return {"value": _number(one.value), "low": _number(one.low), "high": _number(one.high), "n": one.n}


def _comparison(one: Comparison) -> Json:
    return {
        "difference": _estimate(one.difference),
        "relative": _estimate(one.relative),
        "p_value": _number(one.p_value),
    }


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
