"""A project whose training takes about a second, and the commands on it as processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

from coldframe.clock import Clock, system_clock
from coldframe.settings import load
from coldframe.store.ledger import TrainingRun
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.shop import shop

SETTINGS = """
[mixer]
form = "blend"
hidden = 8
epochs = 3
max_requests = 80
candidates = 15
experts = ["popular-ever", "item-item", "attributes"]
[schedule]
lease_minutes = 0.05
retry_minutes = 0.05
"""
AS_OF = "2026-02-20T00:00:00Z"


def make_project(folder: Path, *, with_events: bool = True) -> Path:
    """Write a project into a folder and return the folder."""
    (folder / "coldframe-data").mkdir(parents=True)
    (folder / "coldframe.toml").write_text(SETTINGS)
    with_shop = shop(n_users=80, n_items=40, days=60)
    store = open_store(folder)
    store.upsert_items(with_shop.items)
    if with_events:
        store.import_events([with_shop.events])
    store.close()
    return folder


def open_store(folder: Path, clock: Clock = system_clock) -> SQLiteStore:
    return SQLiteStore(folder / "coldframe-data", settings_of(folder).store, clock=clock)


def settings_of(folder: Path):
    return load(folder / "coldframe.toml", environment={})


def start(folder: Path, *words: str, **more) -> subprocess.Popen:
    """Start a coldframe command in a project, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "coldframe", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def call(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run a coldframe command to its end; return exit code, stdout, stderr."""
    process = start(folder, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def runs(folder: Path) -> list[dict]:
    """Return what `coldframe runs --json` prints."""
    code, out, err = call(folder, "runs", "--json")
    assert code == 0, err
    return json.loads(out)


def trainings(folder: Path) -> list[TrainingRun]:
    """Return the trainings of a project, newest first, from its store."""
    store = open_store(folder)
    found = list(store.trainings())
    store.close()
    return found


def bytes_of(folder: Path, bundle: str) -> dict[str, bytes]:
    """Return the content of every file of a bundle."""
    return {path.name: path.read_bytes() for path in sorted((folder / "coldframe-data/bundles" / bundle).iterdir())}
