"""`coldframe feed kafka`, as a script calls it wrongly: each refusal names the thing and the way out."""

import json

import pytest
from typer.testing import CliRunner

from coldframe.cli import app, project
from coldframe.cli.status import SECONDS, status_line
from coldframe.errors import SettingsError
from coldframe.feed.properties import properties
from coldframe.settings import KafkaSettings

run = CliRunner()
NAMED = ["--brokers", "localhost:9092", "--topic", "events"]


@pytest.fixture
def shop(tmp_path):
    assert run.invoke(app, ["init", str(tmp_path / "shop")]).exit_code == 0
    return ["--config", str(tmp_path / "shop" / "coldframe.toml")]


def refused(shop, *words):
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed: pip install 'coldframe[kafka]'")
    done = run.invoke(app, ["feed", "kafka", *words, *shop, "--json"])
    return done.exit_code, json.loads(done.stderr)["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--topic", "events"], "kafka.brokers is empty"),
        (["--brokers", "localhost:9092"], "kafka.topic is empty"),
        ([*NAMED, "--group", ""], "kafka.group is empty"),
        (["--brokers", "localhost:9092", "--topic", "^ev.*"], "'^ev.*' is no topic's name"),
        (["--brokers", "localhost:9092", "--topic", ".."], "'..' is no topic's name"),
        ([*NAMED, "--set", 'kafka.options={ "enable.auto.commit" = true }'], "cannot change enable.auto.commit"),
        ([*NAMED, "--set", 'kafka.options={ "no.such.thing" = 1 }'], 'No such configuration property: "no.such.thing"'),
        ([*NAMED, "--set", 'kafka.options={ "session.timeout.ms" = "soon" }'], "session.timeout.ms"),
        ([*NAMED, "--set", 'kafka.options={ "error_cb" = "x" }'], "kafka.options"),
        ([*NAMED, "--set", "kafka.batch=0"], "kafka.batch"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(shop, words, said):
    code, error = refused(shop, *words)
    assert (code, said in error["message"], bool(error["remedy"])) == (3, True, True), error


def test_a_password_is_never_said(shop):
    secret = 'kafka.options={ "sasl.password" = "hunter2", "no.such.thing" = "hunter2" }'
    _, error = refused(shop, *NAMED, "--set", secret)
    assert "hunter2" not in json.dumps(error)


def test_without_brokers_that_answer_it_ends_after_its_patience(shop):
    words = ["--brokers", "127.0.0.1:1", "--topic", "events", "--set", "kafka.patience_seconds=1"]
    code, error = refused(shop, *words)
    assert code == 4
    assert "No broker has answered at 127.0.0.1:1 for 1 seconds" in error["message"]


def test_an_install_without_the_client_is_told_what_to_add(shop, monkeypatch):
    monkeypatch.setattr(project, "find_spec", lambda name: None)
    done = run.invoke(app, ["feed", "kafka", *NAMED, *shop])
    assert done.exit_code == 4
    assert "pip install 'coldframe[kafka]'" in done.stderr


def test_options_pass_and_what_the_promise_needs_stays():
    options = {"auto.offset.reset": "latest", "socket.keepalive.enable": True, "session.timeout.ms": 9_000}
    found = properties(KafkaSettings(brokers="b:1", topic="t", group="g", options=options), once=False)
    assert found | {"group.id": "g", "enable.auto.commit": False, "enable.auto.offset.store": False} == found
    assert [found[name] for name in options] == ["latest", "true", "9000"]


@pytest.mark.parametrize("name", ["bootstrap.servers", "group.id", "enable.auto.offset.store", "enable.partition.eof"])
def test_our_own_properties_are_refused(name):
    with pytest.raises(SettingsError, match=f"cannot change {name}"):
        properties(KafkaSettings(brokers="b:1", topic="t", options={name: "x"}), once=False)


def test_a_batch_may_be_waited_for_without_losing_the_group():
    patient = KafkaSettings(brokers="b:1", topic="t", patience_seconds=1_000)
    assert properties(patient, once=False)["max.poll.interval.ms"] > 1_000_000


def test_where_stderr_is_a_file_the_line_is_written_now_and_then_and_messages_at_once(capsys):
    now = iter([0.0, 1.0, SECONDS, SECONDS, SECONDS + 1])
    with status_line(monotonic=lambda: next(now)) as line:
        for text in ("one", "two", "three"):
            line.show(text)
            line.tell(f"after {text}")
    assert capsys.readouterr().err.split("\n")[:-1] == ["after one", "two", "after two", "after three"]


def test_a_script_that_reads_json_is_not_disturbed(capsys):
    with status_line(quiet=True, monotonic=iter(range(0, 10_000, 100)).__next__) as line:
        line.show("one")
        line.tell("two")
    assert capsys.readouterr().err == ""
