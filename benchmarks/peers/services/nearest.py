"""faiss in the environment of `make services`: python nearest.py FOLDER KIND…; FOLDER has items, queries and best.

Biases are one more dimension. Prints a line of JSON for each index and setting: what it found of the k best that
`nearest.py` wrote, and what that took on one core.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, thread_time

import faiss
import numpy as np

PROBES = (32, 128, 512)
"""Lists that an inverted index looks into."""
BREADTHS = (128, 512, 2_048)
"""Candidates that a walk through the graph keeps."""
PER_LIST = 40
"""Vectors per list that the lists' centres are found from."""


def inverted(items: np.ndarray) -> faiss.Index:
    """Return lists around 4 √n centres, a byte per entry: faiss' own advice for this many."""
    n, dim = items.shape
    lists = int(4 * n**0.5)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim), dim, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    draw = np.random.default_rng(0)
    index.train(items[draw.choice(n, min(n, PER_LIST * lists), replace=False)])
    index.add(items)
    return index


def graph(items: np.ndarray) -> faiss.Index:
    """Return a graph of 32 neighbours each, a byte per entry."""
    index = faiss.IndexHNSWSQ(items.shape[1], faiss.ScalarQuantizer.QT_8bit, 32, faiss.METRIC_INNER_PRODUCT)
    index.train(items)
    index.add(items)
    return index


def settings(kind: str) -> Iterator[tuple[str, faiss.SearchParameters]]:
    """Yield an index's name and what it is asked with."""
    if kind == "ivf":
        for probes in PROBES:
            yield f"faiss IVF-SQ8, {probes} lists", faiss.SearchParametersIVF(nprobe=probes)
    else:
        for breadth in BREADTHS:
            yield f"faiss HNSW-SQ8, breadth {breadth}", faiss.SearchParametersHNSW(efSearch=breadth)


def main(folder: str, *kinds: str) -> None:
    """Build each index on all cores, ask it everything on one."""
    items, queries, best = (np.load(Path(folder) / f"{name}.npy") for name in ("items", "queries", "best"))
    cores = faiss.omp_get_max_threads()
    for kind in kinds:
        faiss.omp_set_num_threads(cores)
        began = perf_counter()
        index = inverted(items) if kind == "ivf" else graph(items)
        built = perf_counter() - began
        faiss.omp_set_num_threads(1)
        for label, parameters in settings(kind):
            began = thread_time()
            found = [index.search(query[None], best.shape[1], params=parameters)[1][0] for query in queries]
            spent = thread_time() - began
            recall = np.mean([np.isin(row, right).mean() for row, right in zip(best, found, strict=True)])
            line = {"label": label, "ms": 1e3 * spent / len(queries), "recall": recall, "build_seconds": built}
            print(json.dumps(line), flush=True)


main(*sys.argv[1:])
