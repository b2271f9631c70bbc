"""`coldframe init` and finding the project again."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coldframe.cli import app
from coldframe.cli.project import Project, find_config
from coldframe.settings import Settings, load

run = CliRunner()


def test_init_writes_the_file_and_the_data_folder(tmp_path: Path) -> None:
    done = run.invoke(app, ["init", str(tmp_path / "shop"), "--json"])
    assert done.exit_code == 0, done.stderr
    paths = json.loads(done.stdout)
    assert load(Path(paths["config"]), environment={}) == Settings()
    assert Path(paths["data"]).is_dir()
    assert Path(paths["data"]).parent == Path(paths["config"]).parent == tmp_path / "shop"


def test_init_never_overwrites(tmp_path: Path) -> None:
    config = tmp_path / "coldframe.toml"
    config.write_text("[window]\ndays = 7\n", encoding="utf-8")
    done = run.invoke(app, ["init", str(tmp_path)])
    assert done.exit_code == 4
    assert "already there" in done.stderr
    assert tomllib.loads(config.read_text(encoding="utf-8")) == {"window": {"days": 7}}
    assert not (tmp_path / "coldframe-data").exists()


def test_init_where_a_file_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("", encoding="utf-8")
    assert run.invoke(app, ["init", str(tmp_path / "shop" / "inner")]).exit_code == 4


@pytest.mark.parametrize("below", [".", "reports/2026"])
def test_the_nearest_config_is_found_upwards(tmp_path: Path, below: str) -> None:
    config = tmp_path / "coldframe.toml"
    config.write_text("", encoding="utf-8")
    folder = tmp_path / below
    folder.mkdir(parents=True, exist_ok=True)
    assert find_config(folder) == config


@pytest.mark.parametrize("path", ["here", "a/b"])
def test_the_data_folder_is_relative_to_the_config(tmp_path: Path, path: str) -> None:
    settings = load(environment={}, flags={"store.path": path})
    assert Project(tmp_path / "coldframe.toml", settings).data == tmp_path / path


def test_an_absolute_data_folder_stands(tmp_path: Path) -> None:
    settings = load(environment={}, flags={"store.path": str(tmp_path)})
    assert Project(Path("elsewhere/coldframe.toml"), settings).data == tmp_path
