"""Where compiled code is kept: in one place of the user's, or beside the data, never without bound, and found again."""

import os
import subprocess
import sys

import pytest

from coldframe.cli import compiled
from coldframe.cli.compiled import keep_compiled, shorten
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.shop import shop

NAMES = ("NUMBA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", *compiled.JAX_KEEPS_ALL)


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment of its own, in which nobody asked for anything and nobody has a home yet."""
    own = {name: value for name, value in os.environ.items() if name not in (*NAMES, "XDG_CACHE_HOME")}
    monkeypatch.setattr(os, "environ", own | {"HOME": str(tmp_path / "home")})
    monkeypatch.setattr(compiled.Path, "home", lambda: tmp_path / "home")
    return os.environ


def test_it_is_kept_in_the_users_cache_folder(environment, tmp_path):
    keep_compiled(tmp_path)
    assert environment["NUMBA_CACHE_DIR"] == str(tmp_path / "home/.cache/coldframe/numba")
    assert environment["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "home/.cache/coldframe/jax")
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"


def test_the_usual_variable_moves_it(environment, tmp_path):
    environment["XDG_CACHE_HOME"] = str(tmp_path / "elsewhere")
    keep_compiled(tmp_path)
    assert environment["NUMBA_CACHE_DIR"] == str(tmp_path / "elsewhere/coldframe/numba")


def test_where_the_home_cannot_be_written_it_is_kept_beside_the_data(environment, tmp_path):
    (tmp_path / "home").write_text("no folder")
    (tmp_path / "data").mkdir()
    keep_compiled(tmp_path / "data")
    assert environment["NUMBA_CACHE_DIR"] == str(tmp_path / "data/compiled/numba")


def test_a_user_without_a_home_is_no_error(environment, monkeypatch, tmp_path):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(compiled.Path, "home", nowhere)
    keep_compiled(tmp_path)
    assert environment["NUMBA_CACHE_DIR"] == str(tmp_path / "compiled/numba")


def test_a_folder_that_is_not_there_is_not_made_for_it(environment, tmp_path):
    (tmp_path / "home").write_text("no folder")
    keep_compiled(tmp_path / "nothing")
    assert not set(NAMES) & environment.keys()
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", NAMES)
def test_what_somebody_set_himself_stays(environment, name, tmp_path):
    environment[name] = "his own"
    keep_compiled(tmp_path)
    assert environment[name] == "his own"


def test_the_oldest_goes_when_there_is_too_much(tmp_path):
    for number in range(5):
        path = tmp_path / f"program-{number}"
        path.write_bytes(bytes(10))
        os.utime(path, (number, number))
    shorten(tmp_path, most_bytes=25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program-3", "program-4"]


def test_no_folder_is_short_enough(tmp_path):
    shorten(tmp_path / "nothing", most_bytes=0)


SETTINGS = """
[mixer]
form = "blend"
epochs = 2
max_requests = 60
experts = ["popular-ever", "collaborative"]
[collaborative]
factors = 16
epochs = 2
"""


def test_a_second_start_compiles_nothing_and_makes_the_same_bundle(tmp_path):
    project, kept = tmp_path / "project", tmp_path / "kept"
    (project / "coldframe-data").mkdir(parents=True)
    (project / "coldframe.toml").write_text(SETTINGS)
    made = shop(n_users=80, n_items=40, days=60)
    store = SQLiteStore(project / "coldframe-data", Settings().store)
    store.import_events([made.events])
    store.close()
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}

    def start():
        command = [sys.executable, "-m", "coldframe", "train"]
        done = subprocess.run(
            command,
            cwd=project,
            env=environment | {"XDG_CACHE_HOME": str(kept)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done, {path: path.stat().st_mtime_ns for path in kept.rglob("*") if path.is_file()}

    first, after_first = start()
    second, after_second = start()
    assert "compile" in first.stderr.splitlines()
    assert after_first
    assert after_second == after_first
    assert first.stdout.splitlines()[0] == second.stdout.splitlines()[0]
    assert "bundle" in second.stdout.splitlines()[0]
