"""docs/metrics.md names every public metric and every number that the report prints."""

import re
from pathlib import Path

import pytest

from coldframe import metrics
from coldframe.feedback import Definitions, evaluate_production_metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", metrics.__all__)
def test_every_public_name_of_metrics_is_documented(name):
    assert re.search(rf"`{name}\b", PAGE)


@pytest.mark.parametrize("name", [*Definitions().texts(), evaluate_production_metrics.__name__])
def test_every_production_metric_is_documented(name):
    assert re.search(rf"`{name}\b", PAGE)
