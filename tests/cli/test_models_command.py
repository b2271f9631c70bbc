"""`coldframe models`: what it says of bundles, and which one it lets serve."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from coldframe.bundle.registry import Registry
from coldframe.cli import app

run = CliRunner()
META = {
    "serves": "mean",
    "reason": "mean is the mixer",
    "metrics": {"check/mean/ndcg@10": 0.25},
    "warmth": [{"user": "0", "item": ">20", "n": 40, "shares": {"trending": 0.7, "content": 0.299, "repeat": 0.001}}],
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.invoke(app, ["init"]).exit_code == 0
    return tmp_path


def publish(project, day):
    registry = Registry(project / "coldframe-data" / "bundles")
    arrays = {"some": np.arange(day, dtype=np.float32)}
    return registry.publish(arrays, META, created_at=datetime(2026, 1, day, tzinfo=UTC))


def asked(*words):
    done = run.invoke(app, list(words), env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_show_says_what_serves_why_and_whom_the_mixer_trusts(project):
    bundle = publish(project, 3)
    said = asked("models", "show", bundle)
    assert "mean is the mixer" in said
    assert "trending 70%, content 30%" in said
    assert "repeat" not in said
    assert json.loads(asked("models", "show", bundle, "--json"))["meta"] == META


def test_list_promote_and_roll_back(project):
    first, second = publish(project, 3), publish(project, 4)
    asked("models", "promote", first)
    asked("models", "promote", second)
    assert [row["bundle"] for row in json.loads(asked("models", "list", "--json")) if row["promoted"]] == [second]
    assert json.loads(asked("models", "rollback", "--json")) == {"promoted": first}
    assert second in asked("models", "list")
    assert run.invoke(app, ["models", "show", "nothing"]).exit_code == 4
