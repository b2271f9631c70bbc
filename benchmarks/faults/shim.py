"""Builds shim.c and starts Python beneath it.

Owns the compiler's call and the environment. What the shim records is read by `disk`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class CannotBuildError(Exception):
    """Why there is no shim here."""


def build(folder: Path) -> Path:
    """Return the shim, compiled into a folder. Raises `CannotBuildError` without a compiler or another than Linux."""
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        raise CannotBuildError("faults of the disk need Linux and a C compiler (cc)")
    shim = folder / "shim.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(shim), str(HERE / "shim.c"), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuildError(f"cc cannot build {HERE.name}/shim.c: {done.stderr.strip()[:300]}")
    return shim


def run(shim: Path, root: Path, module: str, *arguments: str, log: Path | None = None, seconds: float = 600) -> str:
    """Run a module of this package beneath the shim and return what it prints. Raises `RuntimeError` when it fails."""
    paths = [str(HERE.parent), *(path for path in sys.path if path)]
    environment = os.environ | {
        "LD_PRELOAD": str(shim),
        "FAULT_ROOT": str(root.resolve()),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    if log is not None:
        environment["FAULT_LOG"] = str(log)
    command = [sys.executable, "-m", f"faults.{module}", str(root.resolve()), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr[-2_000:]}")
    return done.stdout
