"""`coldframe demo`: what each step does once and not twice, and what is kept and shown."""

import json
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from coldframe.bundle.registry import Registry
from coldframe.cli import app
from coldframe.clock import fixed_clock
from coldframe.demo.measuring import FILE_NAME, Measured, keep, kept, kept_quality
from coldframe.demo.page import demo_pages
from coldframe.demo.shipped import SHIPPED, ShippedFiles
from coldframe.demo.steps import import_shop, train_shop
from coldframe.errors import InputError
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

run = CliRunner()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MEASURED = Measured(
    metric="ndcg@10",
    about="ndcg@10 of 2 visits",
    requests={"overall": 2, "user:0": 1},
    slices={
        "overall": {"hybrid": (0.3, 0.2, 0.4), "popular": (0.1, 0.05, 0.2)},
        "user:0": {"hybrid": (0.1, None, None), "popular": (None, None, None)},
    },
    seconds=1.0,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The first week of the shop, as files."""
    files = ShippedFiles(tmp_path_factory.mktemp("small"))
    events = pl.read_parquet(SHIPPED.events).filter(pl.col("timestamp") < datetime(2009, 12, 8, tzinfo=UTC))
    events.write_parquet(files.events)
    pl.read_parquet(SHIPPED.items).join(events, on="item_id", how="semi").write_parquet(files.items)
    pl.read_parquet(SHIPPED.users).join(events, on="user_id", how="semi").write_parquet(files.users)
    return files


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "data", Settings().store)
    yield store
    store.close()


@pytest.fixture
def ready(tmp_path, small, monkeypatch):
    """A folder in which every step is done."""
    monkeypatch.chdir(tmp_path)
    run.invoke(app, ["init", "demo"])
    data = tmp_path / "demo" / Settings().store.path
    store = SQLiteStore(data, Settings().store)
    import_shop(store, lambda *_: None, small)
    store.close()
    registry = Registry(data / "bundles")
    registry.promote(registry.publish({"nothing": np.zeros(1)}, {}, created_at=NOW))
    keep(MEASURED, data)
    return data


def test_everything_shipped_is_imported_once(store, small):
    steps = []
    reports = import_shop(store, lambda step, done, total: steps.append(step), small)
    assert list(reports) == ["users", "items", "events"]
    assert all(report.rejected == 0 for report in reports.values())
    counts = store.counts()
    assert counts.events == reports["events"].accepted == pl.read_parquet(small.events).height
    assert store.item("21232").numeric["price"] > 0
    assert "import events" in steps
    assert import_shop(store, lambda *_: None, small) == {}
    assert store.counts() == counts


def test_a_bundle_that_serves_is_not_trained_again(store, tmp_path):
    registry = Registry(tmp_path / "bundles")
    registry.promote(registry.publish({"nothing": np.zeros(1)}, {}, created_at=NOW))
    trained = train_shop(store, registry, Settings(), clock=fixed_clock(NOW), progress=lambda *_: None)
    assert trained is None


def test_a_result_is_kept_and_read_back(tmp_path):
    assert kept(tmp_path) is None
    assert kept_quality(tmp_path, None, None) is None
    keep(MEASURED, tmp_path)
    assert kept(tmp_path) == MEASURED
    table = kept_quality(tmp_path, None, None)
    assert [(row.label, row.requests, row.values) for row in table.rows] == [
        ("everybody", 2, [0.3, 0.1]),
        ("customers with 0 events", 1, [0.1, None]),
    ]


def test_a_result_that_is_something_else_is_told(tmp_path):
    (tmp_path / FILE_NAME).write_text("{}")
    with pytest.raises(InputError, match=FILE_NAME):
        kept(tmp_path)


def test_a_second_run_takes_up_what_is_there(ready):
    done = run.invoke(app, ["demo", "--no-serve", "--json"])
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["bundle"] == Registry(ready / "bundles").promoted()
    assert result["address"] is None
    assert result["quality"]["slices"]["overall"]["hybrid"] == [0.3, 0.2, 0.4]


def test_people_read_a_table_by_warmth(ready):
    done = run.invoke(app, ["demo", "--no-serve"])
    assert done.exit_code == 0, done.stderr
    assert "customers with 0 events" in done.stdout
    assert "0.3" in done.stdout


def test_the_page_is_the_dashboard_with_the_shop_s_words(ready):
    from coldframe.dashboard.quality import Quality

    (router,) = demo_pages(ready)
    assert router.path == "/"
    assert isinstance(kept_quality(ready, None, None), Quality)


@pytest.mark.slow
def test_the_whole_demonstration_gets_ready(tmp_path):
    done = run.invoke(app, ["demo", "--folder", str(tmp_path / "demo"), "--no-serve", "--json"])
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    hybrid, popular = (result["quality"]["slices"]["overall"][name][0] for name in ("hybrid", "popular"))
    assert hybrid > popular
