"""`coldframe recommend`: a list under a filter and under the rules of the settings, for people and for programs."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from coldframe.bundle.registry import Registry
from coldframe.cli import app
from coldframe.dataset.training_set import Bags, ItemFeatures, Vocabulary
from coldframe.scoring.experts import Popularity
from coldframe.scoring.hybrid import Hybrid, Retriever
from coldframe.scoring.mixing import Blend, Calibration
from coldframe.scoring.packing import NULLABLE, pack
from coldframe.scoring.served import ServedModel

run = CliRunner()
ITEMS = ("lamp", "shade", "mug", "cup")
"""The first sells best; two are lamps, two are mugs."""
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.invoke(app, ["init"]).exit_code == 0
    rows = [
        {"item_id": item, "categories": ["lamps" if place < 2 else "mugs"], "numeric": {"price": 10.0 * (place + 1)}}
        for place, item in enumerate(ITEMS)
    ]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run.invoke(app, ["import", "items", "items.jsonl"]).exit_code == 0
    registry = Registry(tmp_path / "coldframe-data" / "bundles")
    arrays, meta = pack(best_sellers())
    registry.promote(registry.publish(arrays, meta, created_at=NOW, nullable=NULLABLE))
    return tmp_path


def best_sellers():
    size, nothing = len(ITEMS), Bags.empty(len(ITEMS))
    features = ItemFeatures(nothing, nothing, nothing, np.empty((size, 0), np.float32), np.zeros(size, np.int64))
    hybrid = Hybrid(
        (Popularity("popular-ever", "popular", np.arange(size, 0, -1).astype(np.float32)),),
        Blend(np.array([1, 0, 0], np.float32)),
        Calibration(np.ones(1, np.float32)),
        Retriever(size, 0),
        np.full(size, 9, np.int32),
    )
    return ServedModel(Vocabulary(ITEMS), (), features, hybrid, "allow", 0)


def asked(*words):
    done = run.invoke(app, ["recommend", "ada", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done


def ids(*words):
    return [item["item_id"] for item in json.loads(asked("--json", *words).stdout)["items"]]


def test_a_filter_is_a_condition_on_items(project):
    assert ids("-n", "4") == list(ITEMS)
    assert ids("-n", "4", "--filter", 'price > 10 and not category = "mugs"') == ["shade"]
    assert "1 of 4 items" in asked("-n", "4", "--filter", "price = 40").output


def test_a_wrong_filter_ends_with_the_code_of_wrong_input(project):
    done = run.invoke(app, ["recommend", "ada", "--filter", "price <"])
    assert done.exit_code == 4
    assert "at character 8" in done.output


def test_rules_of_the_settings_are_kept_and_told(project):
    (project / "coldframe.toml").write_text("[rules]\ncap = { category = 1 }\npin = { cup = 1 }\n")
    assert ids("-n", "4") == ["cup", "lamp"]
    assert "pin" in asked("-n", "2").stdout
    assert ids("-n", "4", "--set", "rules.cap={category=2}") == ["cup", "lamp", "shade", "mug"]


def test_without_rules_there_is_no_column_of_them(project):
    assert "rules" not in asked("-n", "2").stdout


def test_a_rule_that_cannot_be_read_ends_with_the_code_of_settings(project):
    done = run.invoke(app, ["recommend", "ada", "--set", 'rules.boost={"price <" = 2.0}'])
    assert done.exit_code == 3
    assert "[rules]" in done.output


def test_an_answer_is_replayed_and_said_to_be_the_same_or_where_it_differs(project):
    answer = json.loads(asked("--filter", "price < 35", "--json").stdout)
    same = run.invoke(app, ["replay", answer["recommendation_id"]])
    assert (same.exit_code, same.stdout) == (0, f"same: 3 items by bundle {answer['bundle']}\n")
    (project / "items.jsonl").write_text(json.dumps({"item_id": "shade", "available": False}) + "\n")
    assert run.invoke(app, ["import", "items", "items.jsonl"]).exit_code == 0
    differs = run.invoke(app, ["replay", answer["recommendation_id"]])
    assert (differs.exit_code, differs.stdout) == (1, "differs at place 2: item was shade, is mug\n")
    assert "catalogue changed" in differs.stderr
    told = run.invoke(app, ["replay", answer["recommendation_id"], "--json"])
    found = json.loads(told.stdout)
    assert (told.exit_code, found["same"], found["difference"]["replayed"]) == (1, False, "mug")


def test_an_answer_that_is_not_kept_is_told(project):
    done = run.invoke(app, ["replay", "never-given"])
    assert (done.exit_code, done.stdout) == (4, "")
    assert "never-given" in done.stderr
