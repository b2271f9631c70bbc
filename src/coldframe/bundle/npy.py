"""One array as one file: the version 1.0 `.npy` layout, little-endian, C order.

Owns the bytes of a file. Dtype and shape are known from the manifest before a file is opened, so its header is never
parsed: it must equal, byte for byte, the only header this format writes for that dtype and shape.
"""

import hashlib
import io
import math
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.errors import BundleError
from coldframe.pacing import rest, rested

Array = NDArray[Any]

DTYPES = {
    name: np.dtype(name).newbyteorder("<")
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float32", "float64"),
    )
}
"""Everything an array may be made of."""

MAX_DIMENSIONS = 8
_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64
_CHUNK_BYTES = 1 << 20


def dtype_name(array: Array) -> str:
    """Return the manifest's name of an array's dtype, whatever its byte order. Raises `BundleError` when not allowed.

    >>> dtype_name(np.zeros(3, dtype=">f4"))
    'float32'
    """
    if array.dtype.name not in DTYPES:
        raise BundleError(
            f"A bundle cannot hold an array of {array.dtype}.",
            remedy=f"Convert it to one of {', '.join(DTYPES)}; text goes through encode_texts.",
        )
    return array.dtype.name


def header(dtype: str, shape: tuple[int, ...]) -> bytes:
    r"""Return the only header a file of this dtype and shape may have; its length is a multiple of 64.

    >>> header("float32", (2, 3))[10:].rstrip()
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    """
    text = f"{{'descr': '{DTYPES[dtype].str}', 'fortran_order': False, 'shape': {shape}, }}"
    prefix = len(_MAGIC) + 2
    padding = -(prefix + len(text) + 1) % _ALIGNMENT
    body = f"{text}{' ' * padding}\n".encode("ascii")
    return _MAGIC + len(body).to_bytes(2, "little") + body


def file_size(dtype: str, shape: tuple[int, ...]) -> int:
    """Return the size in bytes of a file of this dtype and shape.

    >>> file_size("float32", (2, 3))
    152
    """
    return len(header(dtype, shape)) + DTYPES[dtype].itemsize * math.prod(shape)


def write(path: Path, array: Array) -> str:
    """Write one array to a new file, fsync it and return the file's SHA-256 in hex."""
    name = dtype_name(array)
    flat = np.asarray(array, dtype=DTYPES[name], order="C").reshape(-1).view(np.uint8)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444)
    with open(descriptor, "wb", buffering=0) as file:
        for chunk in (memoryview(header(name, array.shape)), *_chunks(flat.data)):
            digest.update(chunk)
            _write_all(file, chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()


def digest(file: io.BufferedReader) -> str:
    """Return the SHA-256, in hex, of what is left of an open file."""
    found, room = hashlib.sha256(), memoryview(bytearray(_CHUNK_BYTES))
    while n := file.readinto(room):
        found.update(room[:n])
        rest()
    return found.hexdigest()


def map_file(file: io.BufferedReader, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return the array in an open file, mapped read-only. The caller has checked the file's size and header."""
    start = len(header(dtype, shape))
    count = math.prod(shape)
    if count == 0:
        return np.frombuffer(b"", dtype=DTYPES[dtype]).reshape(shape)
    mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, dtype=DTYPES[dtype], count=count, offset=start).reshape(shape)


def is_finite(array: Array) -> bool:
    """Return whether no value is NaN or infinite; looks at a block at a time.

    >>> is_finite(np.array([1.0, np.nan]))
    False
    """
    if array.dtype.kind != "f":
        return True
    flat = np.asarray(array, order="C").reshape(-1)
    step = _CHUNK_BYTES // flat.itemsize
    starts = rested(range(0, flat.size, step), 1)
    return all(bool(np.isfinite(flat[start : start + step]).all()) for start in starts)


def is_boolean(array: Array) -> bool:
    """Return whether every byte of a bool array is 0 or 1, as NumPy takes for granted."""
    return array.size == 0 or int(array.reshape(-1).view(np.uint8).max()) <= 1


def _chunks(data: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]


def _write_all(file: Any, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[file.write(chunk) :]
