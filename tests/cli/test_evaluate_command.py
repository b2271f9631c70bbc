"""`coldframe evaluate` as a person or a script calls it: files in, a table or JSON out."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from coldframe import errors
from coldframe.cli import app
from coldframe.clock import generator

cli = CliRunner()
BASELINES = ["--models", "popular,recent-popular,random"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def published(tmp_path):
    """Two bare files, as a paper's split comes: integers, no time, no type."""
    random = generator(0, "command")
    rows = [(user, int(item)) for user in range(60) for item in random.choice(40, 10, replace=False)]
    schema = {"user_id": pl.Int32, "item_id": pl.Int32}
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    pl.DataFrame([row for n, row in enumerate(rows) if n % 5], schema=schema, orient="row").write_parquet(train)
    pl.DataFrame(rows[::5], schema=schema, orient="row").write_parquet(test)
    return [str(train), "--test", str(test)]


@pytest.fixture
def shop(tmp_path):
    """One file of orders with other names, and a column that splits it."""
    random = generator(1, "command")
    lines = ["who,what,when,part"]
    for n in range(400):
        part = ("train", "train", "train", "validate", "test")[n % 5]
        lines.append(f"{random.integers(30)},{random.integers(20)},{1_700_000_000 + n * 3600},{part}")
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(lines) + "\n")
    return [
        "--events",
        str(path),
        "--columns",
        "user_id=who,item_id=what,timestamp=when",
        "--constant",
        "event_type=view",
    ]


def told(*arguments):
    done = cli.invoke(app, ["evaluate", *map(str, arguments)])
    assert done.exit_code == 0, done.stderr
    return done


def test_a_published_split_as_json_on_stdout(published):
    tree = json.loads(told(*published, *BASELINES, "--json", "-", "--k", 10, "--k", 20).stdout)
    assert tree["protocol"] == "test"
    for name in ("popular", "recent-popular", "random"):
        for metric in ("ndcg@10", "recall@20", "hit_rate@10", "coverage@10"):
            assert {"value", "low", "high"} <= set(tree["models"][name][metric])
    assert tree["n"] == {"requests": 60, "users": 60, "items": 40}
    assert tree["seconds"]


def test_a_json_file_comes_with_the_table(published, tmp_path):
    done = told("--events", *published, *BASELINES, "--json", tmp_path / "out.json")
    assert "popular" in done.stdout
    assert "user:6-20" in done.stdout
    assert json.loads((tmp_path / "out.json").read_text())["k"] == [10, 20]


def test_a_split_by_time_with_the_columns_of_the_import(shop):
    tree = json.loads(told(*shop, "--split", "time:0.8", *BASELINES, "--discovery", "--json", "-").stdout)
    assert {"overall", "discovery"} <= set(tree["slices"])
    sampled = json.loads(told(*shop, "--split", "time:0.8", *BASELINES, "--max-requests", 9, "--json", "-").stdout)
    assert sampled["n"]["requests"] == 9


def test_a_split_by_column(shop):
    values = "warm_val=validate,warm_test=test"
    tree = json.loads(told(*shop, "--split", "column:part", "--split-values", values, *BASELINES, "--json", "-").stdout)
    assert {"overall", "warm"} <= set(tree["slices"])
    assert tree["facts"]["warm_val_events"] == 80


def test_all_given_events_count_unless_a_window_is_given(shop):
    whole, week = (
        json.loads(told(*shop, "--split", "time:0.8", *BASELINES, *window, "--json", "-").stdout)
        for window in ((), ("--window", "1"))
    )
    assert whole["n"]["requests"] == week["n"]["requests"]
    assert whole["models"]["popular"] != week["models"]["popular"]


def test_the_same_seed_gives_the_same_numbers(shop):
    one, two, other = (
        json.loads(told(*shop, "--split", "time:0.8", *BASELINES, "--seed", seed, "--json", "-").stdout)["models"]
        for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other


def test_refused_rows_are_told_on_stderr(shop):
    with open(shop[1], "a") as file:
        file.write("3,,1700000000,train\n")
    assert "1 rows left out: 1 × item_id is missing" in told(*shop, "--split", "time:0.8", *BASELINES).stderr


@pytest.mark.parametrize(
    ("extra", "error", "words"),
    [
        ([], errors.InputError, "Exactly one of --test and --split"),
        (["--split", "tme:0.9"], errors.InputError, "is no split"),
        (["--split", "time:0.8", "--models", "popular,magic"], errors.UnknownIdError, "no model 'magic'"),
        (["--split", "time:0.8", "--json", "nowhere/out.json"], errors.InputError, "cannot be written"),
        (["--split", "column:prt"], errors.ColumnError, "no column 'prt'"),
        (["--split", "column:part"], errors.DataError, "'test', which is no part"),
    ],
)
def test_what_cannot_be_evaluated_says_why(shop, extra, error, words):
    models = [] if "--models" in extra else BASELINES
    done = cli.invoke(app, ["evaluate", *shop, *extra, *models])
    assert done.exit_code == error.exit_code
    assert words in done.stderr
    assert done.stdout == ""


def test_without_a_file_there_is_nothing_to_learn_from():
    done = cli.invoke(app, ["evaluate", "--split", "time:0.9"])
    assert done.exit_code == errors.InputError.exit_code
    assert "--events" in done.stderr
