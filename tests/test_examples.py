"""The examples cannot lie: each is read by what reads it, and every command and option in it exists."""

import ast
import configparser
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from coldframe.cli import app
from coldframe.cli.docs import commands

FOLDER = Path(__file__).parent.parent / "examples"
COMMANDS = dict(commands(typer.main.get_command(app)))
FILES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".service", ".timer", ".yaml", ".py"))


def unit(name):
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read_string((FOLDER / "systemd" / name).read_text())
    return parser


def cron_job():
    yaml = pytest.importorskip("yaml", reason="no YAML library is installed")
    return yaml.safe_load((FOLDER / "kubernetes/cronjob.yaml").read_text())


def dag_calls():
    tree = ast.parse((FOLDER / "airflow/coldframe_dag.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {call.func.id: {each.arg: each.value for each in call.keywords} for call in calls if call.keywords}


def command_lines():
    """Every command line in the examples, as words."""
    bash = ast.literal_eval(dag_calls()["BashOperator"]["bash_command"])
    yaml = re.search(r"^ +command: (\[.*\])$", (FOLDER / "kubernetes/cronjob.yaml").read_text(), re.MULTILINE)
    return [
        shlex.split(unit("coldframe-run.service")["Service"]["ExecStart"]),
        shlex.split(unit("coldframe-train.service")["Service"]["ExecStart"]),
        shlex.split(unit("coldframe-feed.service")["Service"]["ExecStart"]),
        ast.literal_eval(yaml[1]),
        shlex.split(re.sub(r"\{\{.*?\}\}", "2026-01-01T00:00:00+00:00", bash)),
    ]


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_and_option_exists(words):
    place = next(i for i, word in enumerate(words) if Path(word).name == "coldframe")
    length = 1 if f"coldframe {words[place + 1]}" in COMMANDS else 2
    command = COMMANDS[" ".join(["coldframe", *words[place + 1 : place + 1 + length]])]
    known = {switch for parameter in command.params for switch in [*parameter.opts, *parameter.secondary_opts]}
    assert {word for word in words[place:] if word.startswith("--")} <= known
    with command.make_context("coldframe", words[place + 1 + length :]) as parsed:
        assert parsed.params


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_example_says_what_it_is_for_and_is_named_on_the_page(path):
    assert re.match(r'(# |""")\w', path.read_text())
    assert path.name in (FOLDER / "README.md").read_text() or path.suffix == ".timer"


def test_commands_named_in_words_exist():
    text = "".join(path.read_text() for path in [*FILES, FOLDER / "README.md"])
    assert {f"coldframe {name}" for name in re.findall(r"`coldframe ((?:feed )?[a-z]+)", text)} <= set(COMMANDS)


def test_the_timer_begins_the_service_of_its_name_and_makes_up_for_a_missed_time():
    timer = unit("coldframe-train.timer")["Timer"]
    assert timer["OnCalendar"].endswith("00/6:00:00")
    assert timer["Persistent"] == "true"
    assert unit("coldframe-train.service")["Service"]["Type"] == "oneshot"
    assert unit("coldframe-run.service")["Service"]["KillMode"] == "mixed"


def test_the_cron_job_forbids_two_at_once():
    spec = cron_job()["spec"]
    assert (spec["concurrencyPolicy"], spec["schedule"]) == ("Forbid", "0 */6 * * *")
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    mounted = {mount["name"] for each in pod["containers"] for mount in each["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_dag_runs_one_at_a_time():
    dag = dag_calls()["DAG"]
    assert ast.literal_eval(dag["max_active_runs"]) == 1
    assert ast.unparse(dag["schedule"]) == "timedelta(hours=6)"
