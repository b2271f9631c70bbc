"""How long a first and a second start of `coldframe train` wait for compilers.

    python benchmarks/starts.py [--starts 2] [--shop]

Trains on a small made shop (`--shop`: the shipped one) in processes of their own, beginning with nothing compiled, and
prints for each start the seconds in which code was compiled (those of several threads added up), the processor and wall
time of the whole command, and the steps that it told of. Every start must give the same bundle, whether its code was
just compiled or kept; the last one must wait 2 seconds at most.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter

MOST_SECONDS = 2.0
OWN_PLACE = ("NUMBA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR")
COLDFRAME = [sys.executable, "-m", "coldframe"]


def prepare(project: Path, *, shipped: bool) -> None:
    """Make a project with events."""
    from coldframe.demo.shipped import SHIPPED
    from coldframe.settings import Settings
    from coldframe.store.sqlite import SQLiteStore
    from coldframe.testing.shop import shop

    subprocess.run([*COLDFRAME, "init", str(project)], check=True, capture_output=True)
    if shipped:
        for kind, path in (("users", SHIPPED.users), ("items", SHIPPED.items), ("events", SHIPPED.events)):
            subprocess.run([*COLDFRAME, "import", kind, str(path)], cwd=project, check=True, capture_output=True)
        return
    made = shop()
    store = SQLiteStore(project / "coldframe-data", Settings().store)
    store.upsert_items(made.items)
    store.import_events([made.events])
    store.close()


def start(project: Path, environment: dict[str, str]) -> tuple[str, float]:
    """Train once, print how it went, and return the bundle and the seconds of compiling."""
    before, began = getrusage(RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(
        [*COLDFRAME, "train", "--json"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    wall, after = perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    result = json.loads(done.stdout)["result"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in result["seconds"].items())
    print(f"compiling {result['seconds']['compile']:.2f} s; {wall:.1f} s wall, {cpu:.1f} s processor; steps: {steps}")
    return result["bundle"], result["seconds"]["compile"]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--shop", action="store_true", help="the shipped shop instead of a small one")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        project, kept = Path(folder) / "project", Path(folder) / "kept"
        prepare(project, shipped=given.shop)
        environment = {name: value for name, value in os.environ.items() if name not in OWN_PLACE}
        environment["XDG_CACHE_HOME"] = str(kept)
        found = [start(project, environment) for _ in range(given.starts)]
        size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    bundles, waits = zip(*found, strict=True)
    print(f"kept code: {size / 1e6:.1f} MB; one bundle: {len(set(bundles)) == 1}")
    print(f"a second start compiles {waits[-1] / waits[0]:.1%} of the first one's time")
    return 0 if waits[-1] <= MOST_SECONDS and len(set(bundles)) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
