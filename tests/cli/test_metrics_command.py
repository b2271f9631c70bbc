"""`coldframe metrics`, on a store whose numbers are known by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from coldframe.cli import app
from coldframe.domain import Event, Impression, Item
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

run = CliRunner()
START = datetime(2026, 1, 1, tzinfo=UTC)


def shown(number, items, *, bundle="b-1", user="ann"):
    return Impression(
        recommendation_id=f"r-{number}",
        timestamp=START + timedelta(days=number),
        items=items,
        scores=(1.0,) * len(items),
        propensities=(1.0,) * len(items),
        mixer_weights=({},) * len(items),
        bundle=bundle,
        level="popular",
        user_id=user,
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two lists of four; one has a click on its second item."""
    monkeypatch.chdir(tmp_path)
    assert run.invoke(app, ["init"]).exit_code == 0
    store = SQLiteStore(tmp_path / Settings().store.path, replace(Settings().store))
    store.upsert_items([Item(item_id=item, categories=(f"c-{item}",)) for item in "abcdefgh"])
    store.append_impressions([shown(0, tuple("abcd")), shown(1, tuple("abce"), bundle="b-2", user="bob")])
    click = Event(
        event_id="1",
        user_id="ann",
        item_id="b",
        event_type="click",
        timestamp=START + timedelta(hours=1),
        recommendation_id="r-0",
    )
    store.append_events([click])
    store.close()


def test_the_report_has_every_metric_with_its_definition(project):
    done = run.invoke(app, ["metrics", "--json"])
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["metrics"]["ctr_at_3"]["value"] == 0.5
    assert report["metrics"]["coverage"]["value"] == pytest.approx(5 / 8)
    assert all(metric["definition"] for metric in report["metrics"].values())
    assert report["counts"]["lists"] == 2


def test_the_tables_show_every_metric_and_what_was_counted(project):
    done = run.invoke(app, ["metrics", "--by", "bundle"])
    assert done.exit_code == 0, done.stderr
    for words in ("ctr_at_3", "days_to_first_conversion", "coverage", "0.5", "bundle b-1", "bundle b-2", "empty lists"):
        assert words in done.stdout


def test_since_leaves_out_earlier_lists(project):
    done = run.invoke(app, ["metrics", "--json", "--since", "2026-01-02"])
    assert json.loads(done.stdout)["counts"]["lists"] == 1


def test_nothing_delivered_is_no_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run.invoke(app, ["init"])
    done = run.invoke(app, ["metrics", "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["ctr_at_3"]["value"] is None


def test_an_unknown_grouping_is_a_usage_error(project):
    assert run.invoke(app, ["metrics", "--by", "weather"]).exit_code == 2
