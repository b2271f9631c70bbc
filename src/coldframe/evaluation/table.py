"""An evaluation for people: one table of models, one of slices, and what the split left out.

Owns the wording and the layout. Computes nothing.
"""

from collections.abc import Mapping
from math import isnan

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from coldframe.evaluation.evaluate import EvaluationReport
from coldframe.evaluation.measure import Numbers
from coldframe.metrics import Estimate


def as_table(report: EvaluationReport) -> RenderableType:
    """Return the report as Rich tables: models with intervals, gaps to the reference, slices by the first NDCG."""
    gaps = [_differences(report)] if report.differences else []
    return Group(_models(report), *gaps, _slices(report), Text("\n".join(_notes(report)), style="dim"))


def _models(report: EvaluationReport) -> Table:
    k = report.ks[0]
    metrics = [f"ndcg@{k}", f"recall@{k}", f"hit_rate@{k}", f"coverage@{k}"]
    metrics += [f"{name}@{other}" for other in report.ks[1:] for name in ("ndcg", "recall")]
    metrics += [f"{name}@{k}" for name in ("diversity", "tail", "young", "filled")]
    present = [metric for metric in metrics if any(metric in numbers for numbers in report.models.values())]
    title = f"{report.n_requests:,} requests of {report.n_users:,} users among {report.n_items:,} items"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("model", no_wrap=True)
    for metric in present:
        table.add_column(metric, justify="right", no_wrap=True)
    best = {metric: _best(report.models, metric) for metric in present}
    for model, numbers in report.models.items():
        table.add_row(model, *(_cell(numbers.get(metric), bold=model == best[metric]) for metric in present))
    return table


def _differences(report: EvaluationReport) -> Table:
    metrics = [f"{name}@{k}" for k in report.ks for name in ("ndcg", "recall")]
    table = Table(title="paired differences, whole users drawn", title_justify="left", title_style="bold")
    table.add_column("models", no_wrap=True)
    for metric in metrics:
        table.add_column(metric, justify="right", no_wrap=True)
    for model, compared in report.differences.items():
        gaps = [compared[metric].difference for metric in metrics]
        cells = [_cell(gap, bold=gap.low > 0 or gap.high < 0, sign="+") for gap in gaps]
        table.add_row(f"{report.reference} − {model}", *cells)
    return table


def _slices(report: EvaluationReport) -> Table:
    metric = f"ndcg@{report.ks[0]}"
    table = Table(title=f"{metric} by slice", title_justify="left", title_style="bold")
    table.add_column("slice", no_wrap=True)
    table.add_column("requests", justify="right")
    for model in report.models:
        table.add_column(model, justify="right", no_wrap=True)
    for name, models in report.slices.items():
        best = _best(models, metric)
        cells = [_cell(numbers.get(metric), bold=model == best) for model, numbers in models.items()]
        table.add_row(name, f"{report.slice_requests[name]:,}", *cells)
    return table


def _best(models: Mapping[str, Numbers], metric: str) -> str | None:
    """Name the model with the largest value, of accuracy only: more coverage or tail is not simply better."""
    if metric.partition("@")[0] not in ("ndcg", "recall", "hit_rate"):
        return None
    values = {model: numbers[metric].value for model, numbers in models.items() if metric in numbers}
    known = {model: value for model, value in values.items() if not isnan(value)}
    return max(known, key=lambda model: known[model]) if known else None


def _cell(one: Estimate | None, *, bold: bool, sign: str = "") -> Text:
    if one is None or isnan(one.value):
        return Text("–")
    interval = "" if isnan(one.low) else f" [{one.low:{sign}.3f}, {one.high:{sign}.3f}]"
    return Text.assemble((f"{one.value:{sign}.4f}", "bold" if bold else ""), (interval, "dim"))


def _notes(report: EvaluationReport) -> list[str]:
    fallback = "none: lists end early" if report.fallback is None else report.fallback
    notes = [f"Split: {report.protocol}. Intervals: 95 %, whole users drawn. Unscored places filled by: {fallback}."]
    if report.left_out:
        notes.append(f"Left out, since the data cannot teach them: {', '.join(report.left_out)}.")
    return notes + [f"{name.replace('_', ' ')}: {_fact(value)}" for name, value in report.facts.items()]


def _fact(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:.2%}"
