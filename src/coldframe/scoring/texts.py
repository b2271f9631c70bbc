"""Many texts as two arrays: their UTF-8 bytes end to end, and where each begins.

Owns that encoding. Ids, names and vocabularies cross from training to serving this way, since a bundle holds no
strings and no pickles.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.errors import BundleError
from coldframe.pacing import rested

Array = NDArray[Any]

BLOB = ".blob"
OFFSETS = ".offsets"
AT_ONCE = 1_024
"""Texts decoded without a pause."""


def encode_texts(name: str, texts: Sequence[str]) -> dict[str, Array]:
    """Return the pair of arrays that holds `texts` under `name`, ready to be merged into a bundle's arrays.

    `{name}.blob` is uint8 of all the bytes; `{name}.offsets` is int64 of shape (n + 1,), text i being
    blob[offsets[i]:offsets[i + 1]]. Raises `BundleError` for a text that UTF-8 cannot hold.

    >>> encode_texts("items.ids", ["a", "", "né"])["items.ids.offsets"].tolist()
    [0, 1, 1, 4]
    """
    try:
        pieces = [text.encode() for text in texts]
    except UnicodeEncodeError as error:
        raise BundleError(
            f"A text of {name!r} has no UTF-8 form: {error.reason}.", remedy="Remove lone surrogates from it."
        ) from error
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return {name + BLOB: np.frombuffer(b"".join(pieces), dtype=np.uint8), name + OFFSETS: offsets}


def decode_texts(blob: Array, offsets: Array) -> tuple[str, ...]:
    """Return the texts in a pair of arrays. Raises `BundleError` when the two do not belong together.

    >>> decode_texts(*encode_texts("ids", ["a", "", "né"]).values())
    ('a', '', 'né')
    """
    if not _fits(blob, offsets):
        raise BundleError(
            "The offsets of a text array do not fit its bytes.", remedy="Train again, or promote another bundle."
        )
    data = blob.tobytes()
    try:
        return tuple(data[start:end].decode() for start, end in rested(pairwise(offsets.tolist()), AT_ONCE))
    except UnicodeDecodeError as error:
        raise BundleError(
            f"A text array is not UTF-8: {error.reason}.", remedy="Train again, or promote another bundle."
        ) from error


def _fits(blob: Array, offsets: Array) -> bool:
    if (blob.ndim, offsets.ndim) != (1, 1) or (blob.dtype.name, offsets.dtype.name) != ("uint8", "int64"):
        return False
    if offsets.size == 0 or offsets[0] != 0 or offsets[-1] != blob.size:
        return False
    return bool((offsets[1:] >= offsets[:-1]).all())
