"""Outside recommenders as scorers: in a shop where everybody has a favourite shelf, each of them finds it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coldframe.scoring.request import History, Request
from coldframe.testing.shop import COUNTRIES, shop

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from peers.folder import write_training
from peers.names import PEERS, tries
from peers.process import PYTHON, Peer, PeerError, Users, Worker

needs_peers = pytest.mark.skipif(not PYTHON.exists(), reason="the peers' environment is not here: make peers")
SHOP = shop(n_users=120, n_items=60, days=30)
TRAINED = SHOP.training_set()
SHELF = np.arange(TRAINED.n_items) % len(COUNTRIES)

LONGER = {"implicit-bpr": {"learning_rate": 0.1, "iterations": 300}}
"""The shop is small: a few hundred events."""


def past(row: int) -> History:
    events = TRAINED.interactions.where(TRAINED.interactions.user == row)
    return History(events.item, events.weight, events.timestamp)


def asks(row: int) -> Request:
    return Request(history=past(row), attributes=TRAINED.user_features.attributes.row(row))


def taste(row: int) -> int:
    return row % len(COUNTRIES)


@pytest.fixture
def fitted(tmp_path):
    write_training(tmp_path, TRAINED, threads=1)
    workers = []

    def fit(peer, **changed):
        workers.append(Worker(tmp_path, peer, tries(peer, 0)[0] | changed, seconds=120))
        return Peer(workers[-1], Users.of(TRAINED), tmp_path)

    yield fit
    for worker in workers:
        worker.close()


@pytest.mark.parametrize("peer", PEERS)
def test_settings_are_drawn_once_each_and_the_default_comes_first(peer):
    drawn = tries(peer, 0)
    assert 8 <= len(drawn) <= 12
    assert all(one not in drawn[:place] for place, one in enumerate(drawn))
    assert drawn == tries(peer, 0)
    assert drawn[0] == tries(peer, 1)[0]


def test_a_user_is_known_by_his_past_also_when_it_went_on():
    users = Users.of(TRAINED)
    own = past(3)
    later = History(
        np.append(own.item, np.int32(5)),
        np.append(own.weight, np.float32(1)),
        np.append(own.timestamp, TRAINED.as_of),
    )
    assert users.row(own) == users.row(later) == 3
    assert users.row(History.empty()) == -1
    assert users.row(History(own.item[:1], own.weight[:1], own.timestamp[:1] - 1)) == -1


@needs_peers
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_finds_the_favourite_shelf_of_those_it_knows(fitted, peer):
    rows = np.unique(TRAINED.interactions.user)[:60]
    scores = fitted(peer, **LONGER.get(peer, {})).score_batch([asks(row) for row in rows])
    assert scores.shape == (len(rows), TRAINED.n_items)
    assert scores.dtype == np.float32
    best = SHELF[np.argsort(-np.nan_to_num(scores, nan=-1e9), axis=1)[:, :5]]
    assert (best == np.array([[taste(row)] for row in rows])).mean() > 0.4


@needs_peers
@pytest.mark.parametrize(("peer", "folds_in"), [("implicit-als", True), ("rectools-ials", True), ("lightfm", False)])
def test_somebody_new_with_a_past_is_answered_by_those_that_fold_in(fitted, peer, folds_in):
    own = past(0)
    new = History(own.item, own.weight, own.timestamp + TRAINED.as_of)
    assert np.isfinite(fitted(peer).score(Request(history=new))).any() == folds_in


@needs_peers
@pytest.mark.parametrize("peer", ["lightfm", "cicerone"])
def test_somebody_new_is_what_he_told(fitted, peer):
    scores = fitted(peer).score_batch([Request(attributes=np.array([place], np.int32)) for place in range(5)])
    names = TRAINED.user_features.attribute_names
    shelves = [COUNTRIES.index(name.removeprefix("country=")) for name in names]
    best = SHELF[np.argsort(-np.nan_to_num(scores, nan=-1e9), axis=1)[:, :5]]
    assert (best == np.array(shelves)[:, None]).mean() > 0.4


@needs_peers
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_that_knows_nothing_says_nothing(fitted, peer):
    assert np.isnan(fitted(peer).score(Request())).all()


@needs_peers
def test_the_answer_does_not_depend_on_who_is_asked_beside(fitted):
    peer, requests = fitted("cicerone"), [asks(row) for row in (1, 2, 1, 3)]
    together = peer.score_batch(requests)
    np.testing.assert_array_equal(together, np.stack([peer.score(request) for request in requests]))


@needs_peers
def test_a_peer_that_fails_says_why(fitted):
    with pytest.raises(PeerError, match="unexpected keyword argument 'nonsense'"):
        fitted("implicit-bpr", nonsense=1)


@needs_peers
def test_a_worker_ends_with_its_standard_input(tmp_path):
    write_training(tmp_path, TRAINED, threads=1)
    script = Path(__file__).parents[2] / "benchmarks" / "peers" / "worker.py"
    worker = [PYTHON, script, tmp_path, "implicit-bpr", '{"iterations": 100000000}']
    done = subprocess.run(worker, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (0, b"")
