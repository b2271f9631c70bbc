"""What a request costs, beside services as people write them, and how long a server takes to be ready.

    python benchmarks/serving.py [--items 50000 1000000] [--requests 400] [--rounds 5]

Prints, on a catalogue that `catalogue.py` makes:

- the kernel: the 10 best of one matrix of 128 dimensions, 100 seen left out, beside NumPy's product with argsort and a
  loop over what was seen, and beside argpartition; the median ratio of rounds in turns;
- processor time per request of three servers that mix the same three experts over the same arrays with 100 seen left
  out: ours, which also reads the user's past, solves his vector, explains the shares and logs the impression; FastAPI
  with argsort (`make services`) and argpartition on our own framework, both of which look the user's vectors up;
- the 99th percentile at half of the capacity just measured; from start to ready.

Everything runs on one BLAS thread, which is the cheapest for all. Ratios are of one run and so hold on a busy machine;
seconds do not.
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, thread_time

import msgspec
import numpy as np
from catalogue import SEEN, Catalogue, made, model_of, publish
from load import Client, capacity, cost, paced, path_of, ready_seconds
from served import Served

from coldframe.dataset.training_set import DAY_US
from coldframe.scoring.kernel import Matrix, Wanted, name
from coldframe.scoring.request import History, Request
from coldframe.scoring.threads import one_thread_each

ROOT = Path(__file__).parent.parent
SERVICES = ROOT / ".venv-services" / "bin" / "python"
PEERS = Path(__file__).parent / "peers" / "services"
ONE_THREAD = os.environ | {"OPENBLAS_NUM_THREADS": "1"}


def naive(vectors: np.ndarray, bias: np.ndarray, seen: np.ndarray, user: np.ndarray) -> list[int]:
    """Sort everything, then leave out what was seen."""
    hidden, found = set(seen.tolist()), []
    for row in np.argsort(-(vectors @ user + bias)):
        if row not in hidden:
            found.append(int(row))
            if len(found) == 10:
                return found
    return found


def partition(vectors: np.ndarray, bias: np.ndarray, seen: np.ndarray, user: np.ndarray) -> list[int]:
    """Part the best from the rest, then sort them."""
    scores = vectors @ user + bias
    scores[seen] = -np.inf
    best = np.argpartition(-scores, 10)[:10]
    return best[np.argsort(-scores[best])].tolist()


def kernel(n_items: int, rounds: int) -> None:
    """Print how much faster the kernel is than NumPy."""
    for decay, kind in ((0.5, "decaying"), (0.0, "isotropic")):
        print(f"kernel ({name()}), {n_items:,} items, {kind} spectrum: {_beside(made(n_items, decay=decay), rounds)}")


def _beside(catalogue: Catalogue, rounds: int) -> str:
    vectors, bias, seen = catalogue.collaborative, catalogue.bias, catalogue.seen[0]
    started, matrix = process_time(), Matrix(vectors, bias)
    coding, shown = process_time() - started, np.ones(len(bias), np.bool_)
    rows = np.random.default_rng(2).integers(0, len(bias), (20, 5))
    users = vectors[rows].sum(axis=1)

    def scan(user: np.ndarray) -> list[int]:
        shown[seen] = False
        return matrix.best(user, [Wanted(shown, 10)], key=0)[0].tolist()

    asks = (scan, partial(naive, vectors, bias, seen), partial(partition, vectors, bias, seen))
    same = sum(scan(user) == partition(vectors, bias, seen, user) for user in users)
    times = np.array([[_spent(ask, users) for ask in asks] for _ in range(rounds)])
    ours, sort, part = np.median(times, axis=0) * 1e3
    return (
        f"{ours:.2f} ms; argsort {sort:.2f} ms, {_ratio(times[:, 1] / times[:, 0])};"
        f" argpartition {part:.2f} ms, {_ratio(times[:, 2] / times[:, 0])};"
        f" {same} of {len(users)} lists are argpartition's; codes made in {coding:.1f} processor seconds"
    )


def _spent(ask: Callable[[np.ndarray], object], users: np.ndarray) -> float:
    start = thread_time()
    for user in users:
        ask(user)
    return (thread_time() - start) / len(users)


def _ratio(values: np.ndarray) -> str:
    return f"{np.median(values):.1f} × ({values.min():.1f} to {values.max():.1f})"


class Peer:
    """A peer's process and its port."""

    def __init__(self, python: Path, script: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        environment = {key: value for key, value in ONE_THREAD.items() if key != "PYTHONPATH"}
        self._process = subprocess.Popen([python, PEERS / script, folder, str(self.port)], env=environment)
        self.pid = self._process.pid

    def __enter__(self) -> "Peer":
        ready_seconds(lambda: self.port, "/v1/users/user-0/recommendations")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)


def write_arrays(catalogue: Catalogue, folder: Path) -> None:
    """Write what the peers read: the model's arrays, and users' vectors as our model solves them."""
    collaborative, content, _ = model_of(catalogue, 0).hybrid.experts
    ages = (np.arange(SEEN)[::-1] + 1) * (30 * DAY_US // (SEEN + 1))
    asked = [Request(History(row[::-1], np.ones(SEEN, np.float32), -ages), 0) for row in catalogue.seen]
    for label, expert in (("likes", collaborative), ("tastes", content)):
        vectors = [expert.opinion(request).vector for request in asked]  # type: ignore[union-attr]
        np.save(folder / f"{label}.npy", np.stack(vectors))
    for label in ("collaborative", "bias", "content", "popularity", "seen"):
        np.save(folder / f"{label}.npy", getattr(catalogue, label))


def requests(n_items: int, count: int, rounds: int) -> None:
    """Print what a request costs each server, and how long it takes at half load."""
    with TemporaryDirectory() as temporary, ExitStack() as stack:
        folder, catalogue = Path(temporary), made(n_items)
        publish(catalogue, folder / "data")
        write_arrays(catalogue, folder)
        ours = stack.enter_context(Served(folder / "data"))
        ready_seconds(lambda: ours.peer[1], "/readyz")
        servers = {"ours": (ours.pid, ours.peer[1])}
        peers = {"argpartition on our framework": (Path(sys.executable), "partition.py")}
        if SERVICES.exists():
            peers["FastAPI with argsort"] = (SERVICES, "naive.py")
        else:
            print("FastAPI skipped: its environment is not there, run `make services`")
        for label, (python, script) in peers.items():
            peer = stack.enter_context(Peer(python, script, folder))
            servers[label] = (peer.pid, peer.port)
        print(f"{n_items:,} items, three experts, {SEEN} seen: {_agreement(servers)}")
        turns = [[cost(*server, count) for server in servers.values()] for _ in range(rounds + 1)][1:]
        times = dict(zip(servers, np.array(turns).T, strict=True))
        print(f"  ours: {np.median(times['ours']):.2f} ms of processor time per request")
        for label in peers:
            print(f"  {label}: {np.median(times[label]):.2f} ms, {_ratio(times[label] / times['ours'])}")
        _half_load(ours.peer[1])


def _agreement(servers: dict[str, tuple[int, int]]) -> str:
    """Say how many of the items of 20 lists are those of the peer that computes everything."""

    def lists(port: int) -> list[set[str]]:
        client = Client(port)
        answers = [msgspec.json.decode(client.get(path_of(number))) for number in range(20)]
        return [{item["item_id"] for item in answer["items"]} for answer in answers]

    ours, theirs = lists(servers["ours"][1]), lists(servers["argpartition on our framework"][1])
    shared = sum(len(one & other) for one, other in zip(ours, theirs, strict=True))
    return f"{shared} of {sum(map(len, theirs))} items are those of a mix over the whole catalogue"


def _half_load(port: int, seconds: float = 10) -> None:
    most = capacity(port)
    times = np.array(paced(port, most / 2, seconds))
    at = {share: np.percentile(times, share) for share in (50, 99)}
    print(f"  at half of {most:.0f} requests a second: median {at[50]:.1f} ms, 99th percentile {at[99]:.1f} ms")


def start(n_items: int) -> None:
    """Print the seconds from starting a server to its being ready with a verified bundle, and of the processors."""
    with TemporaryDirectory() as folder:
        publish(made(n_items), Path(folder))
        began = perf_counter()
        with Served(Path(folder)) as server:
            ready_seconds(lambda: server.peer[1], "/readyz")
            seconds, busy = perf_counter() - began, server.cpu_seconds()
            load = f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
            print(f"start to ready, {n_items:,} items × 128 twice: {seconds:.1f} s, of processors {busy:.1f} s; {load}")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=(50_000, 1_000_000))
    parser.add_argument("--requests", type=int, default=400, help="per server and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("kernel", "requests", "start"))
    given = parser.parse_args()
    with one_thread_each():
        for n_items in given.items if given.only in (None, "kernel") else ():
            kernel(n_items, given.rounds)
        if given.only in (None, "requests"):
            requests(min(given.items), given.requests, given.rounds)
        if given.only in (None, "start"):
            start(max(given.items))


if __name__ == "__main__":
    main()
