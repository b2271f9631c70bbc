"""`coldframe keys`: a token once, then only what may be seen."""

import json

import pytest
from typer.testing import CliRunner

from coldframe.cli import app
from coldframe.serving.key_file import KeyFile
from coldframe.serving.keys import KeyRing

run = CliRunner()


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.invoke(app, ["init"]).exit_code == 0
    return tmp_path / "coldframe-data"


def asked(*words):
    done = run.invoke(app, ["keys", *words], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_made_listed_and_revoked(data):
    words = ("create", "shop", "--scope", "events:write", "--scope", "recommendations:read", "--rate", "5")
    made = json.loads(asked(*words, "--json"))
    assert made["scopes"] == ["events:write", "recommendations:read"]
    assert KeyRing(KeyFile(data).read()).holder(made["token"]).rate == 5.0
    listed = json.loads(asked("list", "--json"))
    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    assert json.loads(asked("revoke", made["id"], "--json"))["revoked_at"]
    assert KeyRing(KeyFile(data).read()).holder(made["token"]) is None


def test_stdout_holds_the_token_alone(data):
    token = asked("create", "shop", "--scope", "admin").strip()
    assert KeyRing(KeyFile(data).read()).holder(token).name == "shop"
    assert token not in asked("list")
    assert token.split("_")[1] in asked("list")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", "shop"), 2),
        (("create", "shop", "--scope", "everything"), 2),
        (("create", "shop", "--scope", "admin", "--rate", "0"), 2),
        (("revoke", "nothing"), 4),
    ],
)
def test_what_cannot_be_is_refused(data, words, code):
    assert run.invoke(app, ["keys", *words]).exit_code == code
    assert KeyFile(data).read() == []


def test_a_broken_file_ends_with_the_code_of_access(data):
    (data / "keys.json").write_text("broken")
    assert run.invoke(app, ["keys", "list"]).exit_code == 8
