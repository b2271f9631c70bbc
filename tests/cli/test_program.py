"""The program as a whole: startup, global options, exit codes, errors for people and for scripts."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from coldframe import __version__, errors
from coldframe.cli import COMMANDS, app
from coldframe.cli.docs import exit_codes
from coldframe.cli.group import ColdframeGroup, Invocation, hoisted

run = CliRunner()
HEAVY = ("polars", "jax", "numpy", "numba", "scipy", "litestar", "granian", "pyarrow", "rich.progress")


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    code = "import sys, coldframe.cli; print([name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command() -> None:
    done = run.invoke(app, ["--help"])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in [*COMMANDS, "models"])


def test_version() -> None:
    done = run.invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"coldframe {__version__}\n")


def test_python_m_coldframe_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "coldframe", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"coldframe {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["init", "--nonsense"],
        ["import", "poems", "file.csv"],
        ["import", "events"],
        ["import", "events", "missing.csv"],
        ["recommend"],
        ["recommend", "a", "-n", "0"],
        ["recommend", ""],
        ["recommend", "a\x00b"],
        ["train", "--as-of", "yesterday"],
        ["--set", "window.days", "doctor"],
        ["serve", "--port", "70000"],
    ],
    ids=" ".join,
)
def test_a_usage_error_exits_with_2_and_says_nothing_on_stdout(arguments: list[str]) -> None:
    done = run.invoke(app, arguments)
    assert done.exit_code == 2
    assert done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["doctor"], ["recommend", "a"], ["models", "list"], ["rejects"], ["train"]])
def test_without_a_project_the_error_says_what_to_do(arguments: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run.invoke(app, arguments)
    assert done.exit_code == errors.StoreError.exit_code
    assert done.stdout == ""
    assert done.stderr.startswith("error: There is no data folder at ")
    assert "coldframe init" in done.stderr


def test_an_error_is_json_when_json_is_asked_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run.invoke(app, ["doctor", "--json"])
    assert done.stdout == ""
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "store"
    assert error["exit_code"] == done.exit_code == 5
    assert "coldframe init" in error["remedy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "window.days=0", "doctor"], "out of bounds"),
        (["doctor", "--set", "window.days=0"], "out of bounds"),
        (["doctor", "--set=window.dys=3"], "Did you mean 'window.days'"),
        (["--config", "missing.toml", "doctor"], "There is no file missing.toml"),
    ],
)
def test_a_bad_setting_exits_with_3(arguments: list[str], words: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run.invoke(app, arguments)
    assert done.exit_code == errors.SettingsError.exit_code
    assert words in done.stderr


def all_errors(base: type = errors.ColdframeError) -> list[type]:
    return [base, *(error for child in base.__subclasses__() for error in all_errors(child))]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
def test_every_error_ends_in_its_documented_exit_code(error: type, as_json: bool) -> None:
    program = typer.Typer(cls=ColdframeGroup)

    @program.callback()
    def start(ctx: typer.Context) -> None:
        ctx.obj = Invocation(json=as_json)

    @program.command()
    def fail() -> None:
        raise error("The shed \x1b[31mburned.", remedy="Call the gardener.")

    done = run.invoke(program, ["fail"])
    assert done.exit_code == error.exit_code
    assert error.exit_code in exit_codes()
    assert done.stdout == ""
    assert "\x1b" not in done.stderr
    if as_json:
        assert json.loads(done.stderr)["error"]["code"] == error.code
    else:
        assert done.stderr.split("\n")[:2] == ["error: The shed \\x1b[31mburned.", "Call the gardener."]


def test_an_unexpected_error_keeps_its_traceback() -> None:
    program = typer.Typer(cls=ColdframeGroup)
    program.callback()(lambda: None)

    @program.command()
    def fail() -> None:
        raise ZeroDivisionError("not on purpose")

    assert isinstance(run.invoke(program, ["fail"]).exception, ZeroDivisionError)


def test_ctrl_c_exits_with_130() -> None:
    program = typer.Typer(cls=ColdframeGroup)
    program.callback()(lambda: None)

    @program.command()
    def wait() -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins without one
    try:
        assert run.invoke(program, ["wait"]).exit_code == 130
    finally:
        signal.signal(signal.SIGINT, before)


PIECES = [["a"], ["--json"], ["--set", "x.y=1"], ["--config", "c"], ["--set=x.y=1"], ["--"]]


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_hoisting_loses_no_word_and_keeps_the_tail(pieces: list[list[str]]) -> None:
    words = [word for piece in pieces for word in piece]
    moved = hoisted(words)
    assert sorted(moved) == sorted(words)
    if "--" in moved:
        tail = moved[moved.index("--") :]
        assert words[len(words) - len(tail) :] == tail
