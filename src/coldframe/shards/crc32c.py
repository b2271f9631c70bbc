"""CRC-32C, eight bytes at a time, in Numba.

Owns the tables and the checksum that TFRecord files carry: the Castagnoli polynomial, bits reflected, looked up by
slices of eight bytes (Kounavis and Berry 2005), then masked. Never knows what the bytes mean.
"""

from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial with its bits reflected."""

SLICES = 8
"""Bytes that one step of the loop takes in; there is a table for each."""

_ALL, _BYTE = np.uint64(0xFFFFFFFF), np.uint64(0xFF)
_MASK = np.uint64(0xA282EAD8)
_8, _15, _16, _17, _24 = (np.uint64(bits) for bits in (8, 15, 16, 17, 24))


@cache
def tables() -> NDArray[np.uint32]:
    """Return the tables uint32 [8, 256]: entry [k, b] is the checksum's change by byte b with k zero bytes after it.

    >>> hex(tables()[0, 1])
    '0xf26b8303'
    """
    found = np.empty((SLICES, 256), np.uint32)
    found[0] = np.arange(256)
    for _ in range(8):
        found[0] = (found[0] >> 1) ^ (found[0] & 1) * np.uint32(POLYNOMIAL)
    for k in range(1, SLICES):
        found[k] = (found[k - 1] >> 8) ^ found[0, found[k - 1] & 0xFF]
    found.setflags(write=False)
    return found


@numba.njit(cache=True, nogil=True)
def masked_crc32c(data, start, stop, tables):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return the masked checksum, a uint64 below 2³², of bytes `start` to `stop` of `data` uint8 [n]. No bounds check.

    The mask turns the checksum right by 15 bits and adds a constant, so that a checksum of checksums means something.
    """
    crc, at = _ALL, start
    while at + 8 <= stop:
        low = np.uint64(data[at]) | np.uint64(data[at + 1]) << _8
        low |= np.uint64(data[at + 2]) << _16 | np.uint64(data[at + 3]) << _24
        low ^= crc
        crc = np.uint64(tables[7, low & _BYTE] ^ tables[6, low >> _8 & _BYTE])
        crc ^= np.uint64(tables[5, low >> _16 & _BYTE] ^ tables[4, low >> _24])
        crc ^= np.uint64(tables[3, data[at + 4]] ^ tables[2, data[at + 5]])
        crc ^= np.uint64(tables[1, data[at + 6]] ^ tables[0, data[at + 7]])
        at += 8
    while at < stop:
        crc = crc >> _8 ^ np.uint64(tables[0, (crc ^ np.uint64(data[at])) & _BYTE])
        at += 1
    crc ^= _ALL
    return ((crc >> _15 | crc << _17) + _MASK) & _ALL
