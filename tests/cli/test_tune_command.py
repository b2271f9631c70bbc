"""`coldframe tune`: what wins is written where `coldframe train` reads it, and nothing else in the file changes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coldframe import pipeline
from coldframe.cli import app
from coldframe.errors import SettingsError
from coldframe.models.tuning import Trial, Tuned
from coldframe.settings import Settings, load
from coldframe.settings.rewriting import rewrite

run = CliRunner()
TRIALS = [
    Trial("repeat", "", "as set", 0.1, True),
    Trial("repeat", "repeat.half_life_days", 15.0, 0.2, True),
    Trial("item-item", "item_item.ridge", 8.0, 0.05, False),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    run.invoke(app, ["init", str(tmp_path / "shop")])
    monkeypatch.setattr(pipeline, "tune", lambda *_, **__: Tuned(Settings(), TRIALS, 1.0))
    return tmp_path / "shop" / "coldframe.toml"


def test_the_winner_is_written_with_its_evidence(project: Path) -> None:
    before = project.read_text(encoding="utf-8")
    done = run.invoke(app, ["tune", "--config", str(project), "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["changed"] == {"repeat.half_life_days": 15.0}
    assert load(project, environment={}).repeat.half_life_days == 15.0
    after = project.read_text(encoding="utf-8")
    assert "NDCG@10 of repeat on later events 0.2000" in after
    assert set(before.splitlines()) <= set(after.splitlines())


def test_a_dry_run_writes_nothing(project: Path) -> None:
    before = project.read_text(encoding="utf-8")
    done = run.invoke(app, ["tune", "--config", str(project), "--dry-run"])
    assert done.exit_code == 0, done.stderr
    assert "repeat.half_life_days" in done.stdout
    assert project.read_text(encoding="utf-8") == before


def test_a_file_that_is_no_toml_is_left_as_it_was(tmp_path: Path) -> None:
    broken = tmp_path / "coldframe.toml"
    broken.write_text("[window\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="could not be rewritten"):
        rewrite(broken, {"window.days": 30}, evidence={})
    assert broken.read_text(encoding="utf-8") == "[window\n"
