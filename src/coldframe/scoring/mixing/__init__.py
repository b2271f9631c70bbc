"""How experts become one score: evidence on one scale, warmth as context, and forms that combine the two.

    evidence.py   candidates' scores from every expert, raw and rank, and how warm user and items are
    forms.py      fixed blend, per-bucket, gate, full network, the article's softmax; single, switch, count curve
    trees.py      boosted trees as arrays
    composed.py   forms made of others

Owns the arithmetic of an answer. `models` learns the numbers in it.
"""

from coldframe.scoring.mixing.composed import ByUser, Mean, Newcomers, by_row
from coldframe.scoring.mixing.evidence import CONTEXT, Calibration, Evidence, Warmth, gather, occluded
from coldframe.scoring.mixing.forms import (
    FORMS,
    Blend,
    Bucket,
    CountCurve,
    Form,
    Gate,
    Network,
    Single,
    Softmax,
    Switch,
)
from coldframe.scoring.mixing.trees import Trees

ALL_FORMS = (*FORMS, Trees, Mean, ByUser, Newcomers)
"""Every form that a bundle can hold."""

__all__ = [
    "ALL_FORMS",
    "CONTEXT",
    "Blend",
    "Bucket",
    "ByUser",
    "Calibration",
    "CountCurve",
    "Evidence",
    "Form",
    "Gate",
    "Mean",
    "Network",
    "Newcomers",
    "Single",
    "Softmax",
    "Switch",
    "Trees",
    "Warmth",
    "by_row",
    "gather",
    "occluded",
]
