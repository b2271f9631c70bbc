"""Compiles what is written in C (the scan, and the hash of ids) where there is a C compiler.

    python hatch_build.py      compiles them in place

pip runs the hook, for a wheel and for an editable install alike. Without a compiler the install works, scans with
NumPy, as the service says, and hashes with the standard library. CC names another compiler, COLDFRAME_COMPILE=0
compiles nothing.
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

PACKAGE = Path(__file__).parent / "src"
KERNEL, HASHING = PACKAGE / "coldframe" / "scoring" / "kernel", PACKAGE / "coldframe" / "hashing"
LIBRARIES = {
    KERNEL / "scan.shared": (KERNEL / "scan.c", KERNEL / "request.c"),
    HASHING / "blake2b.shared": (HASHING / "blake2b.c",),
}
FLAGS = ("-std=c11", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fPIC", "-shared")


def compiled() -> list[Path]:
    """Compile each library; return those that worked, with what the compiler said on stderr."""
    return [target for target, sources in LIBRARIES.items() if _compiled(target, sources)]


def _compiled(target: Path, sources: tuple[Path, ...]) -> bool:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    target.unlink(missing_ok=True)
    if compiler is None or os.environ.get("COLDFRAME_COMPILE") == "0" or sys.platform == "win32":
        return False
    beside = target.with_suffix(f".{os.getpid()}")
    ran = subprocess.run([*compiler.split(), *FLAGS, "-o", beside, *sources, "-lm"], check=False)
    if ran.returncode == 0:
        beside.replace(target)
    beside.unlink(missing_ok=True)
    return ran.returncode == 0


class Hook(BuildHookInterface):
    """What hatchling calls."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and ship what came of it in a wheel for this platform and any Python."""
        del version
        if self.target_name == "wheel" and (targets := compiled()):
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            for target in targets:
                build_data["force_include"][str(target)] = target.relative_to(PACKAGE).as_posix()


if __name__ == "__main__":
    sys.exit(0 if len(compiled()) == len(LIBRARIES) else "There is no C compiler, or it refused; Python does its work.")
