"""Splits, slices, baselines, paired comparisons: how good is a model, honestly. docs/evaluation.md says how."""

from coldframe.evaluation.asking import BatchScorer
from coldframe.evaluation.baselines import PopularScorer, RandomScorer, fit_baselines, fit_popular, fit_recent_popular
from coldframe.evaluation.column_split import column_split
from coldframe.evaluation.evaluate import EvaluationReport, PerRequest, evaluate
from coldframe.evaluation.files import Files, Protocol, read_split
from coldframe.evaluation.plan import Case, Cases, Plan, Sampling, Split
from coldframe.evaluation.published import published_split
from coldframe.evaluation.ranking import TopK, top_k
from coldframe.evaluation.reading import complete_events
from coldframe.evaluation.report import as_json, as_tree
from coldframe.evaluation.run import BuildTrainingSet, FitModels, Trainer, run
from coldframe.evaluation.table import as_table
from coldframe.evaluation.time_split import time_split

__all__ = [
    "BatchScorer",
    "BuildTrainingSet",
    "Case",
    "Cases",
    "EvaluationReport",
    "Files",
    "FitModels",
    "PerRequest",
    "Plan",
    "PopularScorer",
    "Protocol",
    "RandomScorer",
    "Sampling",
    "Split",
    "TopK",
    "Trainer",
    "as_json",
    "as_table",
    "as_tree",
    "column_split",
    "complete_events",
    "evaluate",
    "fit_baselines",
    "fit_popular",
    "fit_recent_popular",
    "published_split",
    "read_split",
    "run",
    "time_split",
    "top_k",
]
