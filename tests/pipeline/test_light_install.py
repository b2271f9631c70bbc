"""A machine that only serves has no machine-learning library: a bundle answers there all the same."""

import json
import subprocess
import sys

HEAVY = ("jax", "jaxlib", "optax", "scipy", "numba", "lightgbm", "sklearn", "pyarrow", "pandas")
FAR = ("fsspec", "adbc_driver_postgresql", "adbc_driver_manager", "google", "grpc")
"""What reads sources that are no file."""
USERS = ["u000", "u007", "nobody"]

WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY + FAR!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""

SERVE = """
import json, pkgutil
from importlib import import_module
from pathlib import Path
from datetime import datetime

for room in ("scoring", "bundle", "serving", "store", "dataset", "events", "feedback", "metrics"):
    package = import_module(f"coldframe.{room}")
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.startswith("coldframe.store.postgres"):
            import_module(found.name)

from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.serving.engine import Engine
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

folder, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
store = SQLiteStore(folder / "data", Settings().store)
engine = Engine(store, Registry(folder / "bundles"), Settings(), clock=fixed_clock(now))
assert engine.refresh()
answers = [engine.recommend(user, n=5, shown=False) for user in sys.argv[3:]]
print(json.dumps([[(item.item_id, item.score) for item in answer.items] for answer in answers]))
engine.explain(sys.argv[3], answers[0].items[0].item_id)
store.close()
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + script, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_a_bundle_serves_without_any_machine_learning_library(place, engine):
    """And gives the same answers as where it was trained."""
    ran = run(SERVE, place.folder, place.now.isoformat(), *USERS)
    assert ran.returncode == 0, ran.stderr
    here = [[[item.item_id, item.score] for item in engine.recommend(user, n=5, shown=False).items] for user in USERS]
    assert json.loads(ran.stdout) == here


IMPORT = """
from pathlib import Path
from coldframe.cli import app

folder = Path(sys.argv[1])
(folder / "a.csv").write_text("user_id,item_id,event_type,timestamp\\nu,i,view,2026-01-01\\n")
app(["init", str(folder)], standalone_mode=False)
app(["import", "events", str(folder / "a.csv"), "--config", str(folder / "coldframe.toml")], standalone_mode=False)
"""


def test_files_are_imported_without_the_libraries_of_other_sources(tmp_path):
    """They are not even looked for."""
    ran = run(IMPORT, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "a.csv" in ran.stdout


def test_those_libraries_are_really_absent_there():
    """Training says so at once."""
    ran = run("import coldframe.models")
    assert ran.returncode != 0
    assert "No module named" in ran.stderr
