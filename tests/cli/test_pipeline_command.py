"""`coldframe pipeline run`, as a script calls it: files in, shards and a report out, and the project's own log."""

import json
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from coldframe.cli import app, project

run = CliRunner()
AS_OF = ["--as-of", "2026-03-01T00:00Z"]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    rows = [
        {
            "user_id": f"u{n % 5}",
            "item_id": f"i{n % 7}",
            "event_type": "click",
            "timestamp": f"2026-02-{1 + n:02d}T10:00Z",
        }
        for n in range(20)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    return tmp_path / "events.csv"


def test_files_become_shards_and_a_report(events: Path, tmp_path: Path) -> None:
    sink = tmp_path / "rows"
    done = run.invoke(app, ["pipeline", "run", "--source", str(events), "--sink", str(sink), *AS_OF, "--json"])
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["read"] == 20
    assert pl.concat([pl.read_parquet(path) for path in sink.glob("shard-*")]).height == report["rows"] == 80
    assert json.loads((sink / "manifest.json").read_text())["fingerprint"] == report["fingerprint"]


def test_the_projects_own_log_says_the_same(events: Path, tmp_path: Path) -> None:
    project = ["--config", str(tmp_path / "shop" / "coldframe.toml")]
    run.invoke(app, ["init", str(tmp_path / "shop")])
    assert run.invoke(app, ["import", "events", str(events), *project]).exit_code == 0
    reports = []
    for number, source in enumerate((str(events), "store")):
        sink = ["--sink", str(tmp_path / f"rows-{number}")]
        done = run.invoke(app, ["pipeline", "run", "--source", source, *sink, *AS_OF, *project, "--json"])
        assert done.exit_code == 0, done.stderr
        reports.append(json.loads(done.stdout))
    assert reports[0]["rows"] == reports[1]["rows"]
    assert reports[0]["fingerprint"] == reports[1]["fingerprint"]


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    nowhere = ["--source", str(tmp_path / "nowhere"), "--sink", str(tmp_path / "rows")]
    done = run.invoke(app, ["pipeline", "run", *nowhere, *AS_OF])
    assert done.exit_code == 4
    assert "nowhere" in done.stderr


def test_an_engine_that_is_not_installed_says_how_to_install_it(events: Path, tmp_path: Path) -> None:
    for engine in ("beam", "spark"):
        if find_spec({"beam": "apache_beam", "spark": "pyspark"}[engine]):
            pytest.skip(f"{engine} is installed here")
        named = ["--source", str(events), "--sink", str(tmp_path / "rows"), "--engine", engine]
        done = run.invoke(app, ["pipeline", "run", *named, *AS_OF])
        assert done.exit_code == 4
        assert f"coldframe[{engine}]" in done.stderr


@pytest.mark.parametrize(
    "words", [["--runner", "DaskRunner"], ["--runner-option=--streaming", "--runner-option=--runner=DaskRunner"]]
)
def test_the_runner_that_loses_data_is_refused_by_name(events: Path, tmp_path: Path, words: list[str]) -> None:
    named = ["--source", str(events), "--sink", str(tmp_path / "rows"), "--engine", "beam", *words]
    done = run.invoke(app, ["pipeline", "run", *named, *AS_OF])
    assert done.exit_code == 4
    assert "DaskRunner loses data" in done.stderr


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["train"], "train"),
        (["tune"], "train"),
        (["run"], "train"),
        (["pipeline", "run", "--source", "x", *AS_OF], "pipeline"),
    ],
)
def test_an_install_that_only_serves_is_told_what_to_add(tmp_path: Path, monkeypatch, command, extra) -> None:
    run.invoke(app, ["init", str(tmp_path / "shop")])
    monkeypatch.setattr(project, "find_spec", lambda name: None)
    sink = ["--sink", str(tmp_path / "rows")] if extra == "pipeline" else []
    done = run.invoke(app, [*command, *sink, "--config", str(tmp_path / "shop" / "coldframe.toml")])
    assert done.exit_code == 4
    assert f"pip install 'coldframe[{extra}]'" in done.stderr


def test_it_prints_the_query_of_the_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["pipeline", "sql", "--table", "shop.events", "--items", "40", "--seed", "7"]
    for dialect, said in (("duckdb", "UBIGINT"), ("PostgreSQL", "numeric"), ("bigquery", "BIGNUMERIC")):
        found = run.invoke(app, [*words, "--dialect", dialect])
        assert found.exit_code == 0, found.output
        assert said in found.stdout
        assert "FROM shop.events" in found.stdout
        assert found.stdout.rstrip().endswith(";")
