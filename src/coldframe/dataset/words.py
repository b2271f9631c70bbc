"""Text of any language as hashed words.

Owns what a word is and which bucket it falls into; the same text falls into the same buckets on every machine and in
every version of Python. Never keeps the words themselves.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from coldframe.dataset.training_set import Bags

WORD = r"\w+"
"""A word: letters, marks, digits and joiners of any script."""
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]+"
"""A run of a script that puts no space between words."""
GRAM = 3
"""Characters in a piece of such a run."""


def hashed_words(texts: Sequence[str], buckets: int) -> Bags:
    """Return the buckets, 0 … `buckets` − 1, of each text's words; none without a bucket.

    Words are lower-cased (after Unicode's NFKC, so that full-width letters are letters). Where a script puts no spaces
    between words, every run of it also gives its pieces of three characters.

    >>> hashed_words(["Red mug", "red  MUG!", ""], 1024).sizes.tolist()
    [2, 2, 0]
    """
    if not buckets:
        return Bags.empty(len(texts))
    words = pl.Series("word", list(texts), dtype=pl.String).str.normalize("NFKC").str.to_lowercase()
    tokens = pl.DataFrame({"row": np.arange(len(texts)), "word": words.str.extract_all(WORD)}).explode("word")
    found = tokens.drop_nulls().join(_pieces(tokens["word"].unique().drop_nulls(), buckets), on="word")
    rows, features = found["row"].to_numpy(), found["bucket"].to_numpy()
    return Bags.of(rows, features, n_rows=len(texts), n_features=buckets)


def bucket_of(word: str, buckets: int) -> int:
    """Return a word's bucket: CRC-32 of its UTF-8 bytes modulo the number of buckets.

    >>> bucket_of("mug", 1024)
    41
    """
    return zlib.crc32(word.encode()) % buckets


def _pieces(words: pl.Series, buckets: int) -> pl.DataFrame:
    """Return (word, bucket) for each word itself and each piece of its unspaced runs."""
    runs = pl.DataFrame({"word": words, "run": words.str.extract_all(UNSPACED)}).explode("run").drop_nulls()
    grams = runs.select("word", piece=pl.col("run").map_elements(_grams, return_dtype=pl.List(pl.String)))
    whole = pl.DataFrame({"word": words, "piece": words})
    pieces = pl.concat([whole, grams.explode("piece")])
    return pieces.select(
        "word", bucket=pl.Series([bucket_of(piece, buckets) for piece in pieces["piece"]], dtype=pl.Int32)
    )


def _grams(run: str) -> list[str]:
    return [run[start : start + GRAM] for start in range(max(len(run) - GRAM + 1, 1))]
