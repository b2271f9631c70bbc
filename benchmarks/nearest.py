"""Is an approximate index worth it? The exact scan beside faiss, on one core, for the candidates of one expert.

    python benchmarks/nearest.py [--items 100000 1000000] [--queries 200] [--k 100] [--kinds ivf hnsw]

Vectors are those of `catalogue.py`, with a decaying spectrum and with none; queries are sums of vectors of what
somebody took. Prints for each the milliseconds of processor time a query and the share of the k best that was found;
the scan finds all. faiss lives in the environment of `make services`; its graph of a
million items takes a while to build.
"""

import argparse
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time

import msgspec
import numpy as np
from catalogue import Catalogue, made

from coldframe.scoring.kernel import Matrix, Wanted, name
from coldframe.scoring.threads import one_thread_each
from serving import PEERS, SERVICES

TAKEN = 20
"""Items whose vectors a query sums."""


class Asked(msgspec.Struct):
    """What one index took and found: milliseconds a query, share of the k best, seconds to build it."""

    label: str
    ms: float
    recall: float
    build_seconds: float


def queries_of(catalogue: Catalogue, count: int) -> np.ndarray:
    """Return queries float32 [count, dim], about as long as a user's vector."""
    draw = np.random.default_rng(3)
    rows = [draw.choice(seen, TAKEN, replace=False) for seen in catalogue.seen[:count]]
    found = np.stack([catalogue.collaborative[some].sum(axis=0) for some in rows])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def scanned(catalogue: Catalogue, queries: np.ndarray, k: int) -> tuple[Asked, np.ndarray]:
    """Return what the scan took, and the k best rows of each query, int64 [n_queries, k]."""
    began, matrix = perf_counter(), Matrix(catalogue.collaborative, catalogue.bias)
    built, everything = perf_counter() - began, Wanted(np.ones(catalogue.n_items, np.bool_), k)
    matrix.best(queries[0], [everything], key=0)
    began = thread_time()
    best = np.stack([matrix.best(query, [everything], key=0)[0] for query in queries])
    return Asked(f"exact scan ({name()})", (thread_time() - began) / len(queries) * 1e3, 1.0, built), best


def by_faiss(catalogue: Catalogue, queries: np.ndarray, best: np.ndarray, kinds: list[str]) -> list[Asked]:
    """Return what faiss took and found."""
    with TemporaryDirectory() as folder:
        arrays = {
            "items": np.concatenate([catalogue.collaborative, catalogue.bias[:, None]], axis=1),
            "queries": np.concatenate([queries, np.ones((len(queries), 1), np.float32)], axis=1),
            "best": best,
        }
        for label, array in arrays.items():
            np.save(Path(folder) / f"{label}.npy", array)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        command = [SERVICES, PEERS / "nearest.py", folder, *kinds]
        told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.Decoder(Asked).decode_lines(told)


def main() -> None:
    """Measure each size and kind."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=(100_000, 1_000_000))
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--kinds", nargs="+", choices=("ivf", "hnsw"), default=["ivf", "hnsw"])
    given = parser.parse_args()
    if not SERVICES.exists():
        print("faiss skipped: its environment is not there, run `make services`")
    for n_items in given.items:
        for decay, kind in ((0.5, "decaying"), (0.0, "isotropic")):
            catalogue = made(n_items, decay=decay)
            queries = queries_of(catalogue, given.queries)
            with one_thread_each():
                ours, best = scanned(catalogue, queries, given.k)
            print(f"{n_items:,} items, {kind} spectrum, the {given.k} best:")
            for each in [ours, *(by_faiss(catalogue, queries, best, given.kinds) if SERVICES.exists() else ())]:
                print(
                    f"  {each.label}: {each.ms:.2f} ms, {each.ms / ours.ms:.1f} × the scan's,"
                    f" {each.recall:.3f} found, built in {each.build_seconds:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
