"""Where compiled code is kept between commands, so that only the first start on a machine waits for compilers.

Owns the place and its size. The compilers (Numba, JAX) read it from the environment when they are loaded, in this
process and in those it starts; who has set their variables himself is left alone.
"""

import os
from collections.abc import Mapping
from pathlib import Path

NUMBA, JAX = "NUMBA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR"
JAX_KEEPS_ALL = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
"""By itself JAX keeps only what took it a second: a training compiles forty programs that take less."""
MOST_BYTES = 256_000_000
"""What JAX's programs may take; a training leaves half a megabyte, more only where shapes of its data changed."""


def keep_compiled(data: Path) -> None:
    """Let compiled code be kept in the user's cache folder, or below the data folder where that cannot be written."""
    folder = next((one for one in (*_of_user(os.environ), *_of_data(data)) if _writable(one)), None)
    if folder is None:
        return
    os.environ.setdefault(NUMBA, str(folder / "numba"))
    if JAX not in os.environ:
        shorten(folder / "jax", MOST_BYTES)
        os.environ[JAX] = str(folder / "jax")
        for name, value in JAX_KEEPS_ALL.items():
            os.environ.setdefault(name, value)


def shorten(folder: Path, most_bytes: int) -> None:
    """Remove the oldest files of a folder until the others take at most so much."""
    files = sorted(((path.stat(), path) for path in folder.glob("*")), key=lambda pair: pair[0].st_mtime, reverse=True)
    total = 0
    for facts, path in files:
        total += facts.st_size
        if total > most_bytes:
            path.unlink(missing_ok=True)


def _of_user(environment: Mapping[str, str]) -> list[Path]:
    """Return the user's cache folder, if there is a user with a home."""
    if given := environment.get("XDG_CACHE_HOME"):
        return [Path(given) / "coldframe"]
    try:
        return [Path.home() / ".cache" / "coldframe"]
    except RuntimeError:
        return []


def _of_data(data: Path) -> list[Path]:
    """Return the place below a data folder, if there is one already."""
    return [data / "compiled"] if data.is_dir() else []


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
