"""Compiles the scan (src/coldframe/scoring/kernel/*.c) where there is a C compiler.

    python hatch_build.py      compiles it in place

pip runs the hook, for a wheel and for an editable install alike. Without a compiler the install works and scans with
NumPy; the service says which it is. CC names another compiler, COLDFRAME_COMPILE=0 compiles nothing.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:
    BuildHookInterface = object

FOLDER = Path(__file__).parent / "src" / "coldframe" / "scoring" / "kernel"
SOURCES, TARGET = (FOLDER / "scan.c", FOLDER / "request.c"), FOLDER / "scan.shared"
FLAGS = ("-std=c11", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fPIC", "-shared")


def compiled() -> bool:
    """Compile the scan; return whether that worked, with what the compiler said on stderr."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    TARGET.unlink(missing_ok=True)
    if compiler is None or os.environ.get("COLDFRAME_COMPILE") == "0" or sys.platform == "win32":
        return False
    beside = TARGET.with_suffix(f".{os.getpid()}")
    ran = subprocess.run([*compiler.split(), *FLAGS, "-o", beside, *SOURCES, "-lm"], check=False)
    if ran.returncode == 0:
        beside.replace(TARGET)
    beside.unlink(missing_ok=True)
    return ran.returncode == 0


class Hook(BuildHookInterface):
    """What hatchling calls."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and ship what came of it in a wheel for this platform and any Python."""
        del version
        if self.target_name == "wheel" and compiled():
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            build_data["force_include"][str(TARGET)] = "coldframe/scoring/kernel/scan.shared"


if __name__ == "__main__":
    sys.exit(0 if compiled() else "There is no C compiler, or it refused; the scan will be NumPy's.")
