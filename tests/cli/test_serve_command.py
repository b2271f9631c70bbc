"""`coldframe serve` as a process: it tells its address, serves the API and the page, and ends politely."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from typer.testing import CliRunner

from coldframe.cli import app
from coldframe.cli.project import LIBRARIES


@pytest.fixture
def address(tmp_path):
    assert CliRunner().invoke(app, ["init", str(tmp_path)]).exit_code == 0
    command = [sys.executable, "-m", "coldframe", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = "".join(process.stdout.readline() for _ in range(3))
    yield json.loads(found)["address"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_the_api_and_the_page_are_served(address):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
    assert json.loads(get(f"{address}/healthz"))["status"] == "ok"
    assert "--leaf" in get(f"{address}/demo/static/page.css")
    with pytest.raises(urllib.error.HTTPError) as error:
        get(f"{address}/")
    assert error.value.code == 503
    assert "coldframe train" in error.value.read().decode()
    error.value.close()


def test_traces_without_their_libraries_are_refused(tmp_path, monkeypatch):
    assert CliRunner().invoke(app, ["init", str(tmp_path)]).exit_code == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(LIBRARIES, "telemetry", ("no_such_library",))
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--set", "serving.telemetry_url=http://127.0.0.1:1/"])
    assert done.exit_code == 4
    assert "pip install 'coldframe[telemetry]'" in done.stderr
