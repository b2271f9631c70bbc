"""What a machine that only serves installs: the package without extras, in an environment of its own, with a bundle.

    python benchmarks/light_install.py

Trains a small made shop, installs with pip, prints how large the installed packages are, and answers one request from
the bundle. Needs a package index.
"""

import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

from served import publish_small_bundle

ROOT = Path(__file__).parent.parent
LEARNING = ("jax", "scipy", "numba", "lightgbm", "optax", "pandas", "pyarrow", "torch")
PROBE = f"""
import importlib.util, sys
print("learning libraries:", [name for name in {LEARNING!r} if importlib.util.find_spec(name)])
"""


def megabytes(folder: Path) -> float:
    """Return the size of every file below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    """Install, measure, answer."""
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        packages = next((Path(folder) / "lib").glob("python3*")) / "site-packages"
        before = megabytes(packages)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)], check=True
        )
        added = megabytes(packages) - before
        own = megabytes(packages / "coldframe")
        print(f"light install: {added:.0f} MB, of which coldframe {own:.0f} MB (the demonstration's data included)")
        subprocess.run([python, "-c", PROBE], check=True)
        project = Path(folder) / "project"
        subprocess.run([sys.executable, "-m", "coldframe", "init", project], check=True, capture_output=True)
        publish_small_bundle(project / "coldframe-data")
        config = str(project / "coldframe.toml")
        asked = [python, "-m", "coldframe", "recommend", "somebody", "-n", "3", "--json", "--config", config]
        print("answer:", subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()[:200])


if __name__ == "__main__":
    main()
