"""`coldframe forget` and `coldframe erasures`: a person is gone, the receipt names nobody."""

import json

import pytest
from typer.testing import CliRunner

from coldframe.cli import app

run = CliRunner()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.invoke(app, ["init"]).exit_code == 0
    (tmp_path / "events.jsonl").write_text(
        "".join(
            json.dumps({"user_id": user, "item_id": "pot", "event_type": "view", "timestamp": f"2026-01-0{day}"}) + "\n"
            for user, day in [("ann-the-person", 1), ("ann-the-person", 2), ("bob", 3)]
        )
    )
    assert run.invoke(app, ["import", "events", "events.jsonl"]).exit_code == 0
    return tmp_path


def asked(*words):
    done = run.invoke(app, list(words), env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_person_is_gone_and_the_receipt_is_kept(project):
    receipt = json.loads(asked("forget", "ann-the-person", "--json"))
    assert receipt["erased"]["sealed_events"] == 2
    assert json.loads(asked("erasures", "--json")) == [receipt]
    asked("export", "events", "left.jsonl")
    assert [json.loads(line)["user_id"] for line in (project / "left.jsonl").read_text().splitlines()] == ["bob"]


def test_people_read_it_too(project):
    assert asked("erasures").strip() != ""
    said = asked("forget", "ann-the-person")
    assert "sealed_events" in said
    assert "ann-the-person" not in said + asked("erasures")
