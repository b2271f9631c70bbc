"""The compiled code, where an install could build it.

Owns finding it and its types. Without it `matrix` asks NumPy for the same answers; which of the two it is, `name` says,
and serving shows it.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("scan.shared")
"""What `hatch_build.py` makes of scan.c and request.c."""
LEVELS = ("c", "c-avx2", "c-avx512vnni")


class Blocks(ctypes.Structure):
    """A quantised matrix as scan.c sees it."""

    _fields_ = (
        ("blocks", ctypes.c_void_p),
        ("deeper", ctypes.c_void_p),
        ("tails", ctypes.c_void_p),
        ("limits", ctypes.c_void_p),
        ("codes", ctypes.c_void_p),
        ("rows", ctypes.c_void_p),
        ("spread", ctypes.c_void_p),
        ("n", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        ("more", ctypes.c_int64),
        ("dim", ctypes.c_int64),
        ("turn", ctypes.c_double),
    )


class Library:
    """The compiled functions, typed. `level` is the widest instructions of this processor, a place in `LEVELS`."""

    def __init__(self, path: Path) -> None:
        loaded, pointer, whole = ctypes.CDLL(str(path)), ctypes.c_void_p, ctypes.c_int64
        self.level: int = loaded.cf_level()
        self.bytes: Callable[[int, int], int] = loaded.cf_bytes
        loaded.cf_bytes.argtypes, loaded.cf_bytes.restype = (whole, whole), whole
        self.quantise = _checked(loaded.cf_quantise, ctypes.POINTER(Blocks), whole, pointer, pointer, whole)
        self.best = _checked(
            loaded.cf_best,
            *(ctypes.POINTER(Blocks), pointer, pointer, pointer, pointer),
            *(whole, pointer, pointer, ctypes.c_uint64, pointer),
            *(pointer, pointer, pointer),
        )
        self.ranks = _checked(loaded.cf_ranks, pointer, whole, whole, pointer)
        self.fold_in = _checked(
            loaded.cf_fold_in,
            *(pointer, pointer, pointer, pointer, whole),
            *(pointer, pointer, whole, ctypes.c_float, pointer),
        )
        self.add_rows = _checked(loaded.cf_add_rows, *(pointer, pointer, pointer), *(pointer, pointer, whole, pointer))
        self.exact = _checked(loaded.cf_exact, pointer, pointer, whole, pointer, pointer, whole, pointer)


@cache
def library() -> Library | None:
    """Return the compiled scan; None where it was not built."""
    return Library(FILE) if FILE.exists() else None


def name() -> str:
    """Return what scans here: "numpy", or one of `LEVELS`."""
    found = library()
    return "numpy" if found is None else LEVELS[found.level]


def _checked(function: Any, *arguments: Any) -> Callable[..., int]:
    """Return a function that takes a level first and returns a state; it says when it found no memory."""
    function.argtypes, function.restype = (ctypes.c_int, *arguments), ctypes.c_int

    def call(*values: Any) -> int:
        state = function(*values)
        if state < 0:
            raise MemoryError("A scan found no memory for its scratch.")
        return state

    return call
