"""The service in process, shared by the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_world import World
from litestar.testing import TestClient
from serving_doubles import service

from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore


@pytest.fixture(scope="session")
def one_service() -> Iterator[TestClient]:
    with TestClient(service()) as client:
        yield client


@pytest.fixture
def client(one_service: TestClient) -> TestClient:
    """The service on an empty store; its counters go on from test to test."""
    state = one_service.app.state
    for records in (state.store.events_by_id, state.store.items_by_id, state.store.users_by_id, state.store.joined):
        records.clear()
    state.engine.asked.clear()
    return one_service


@pytest.fixture
def new_client() -> Iterator[TestClient]:
    """The service as it starts, with every counter at zero."""
    with TestClient(service()) as client:
        yield client


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A real store and a real engine, without a bundle yet."""
    store = SQLiteStore(tmp_path / "data", Settings().store)
    yield World(store, tmp_path / "bundles", monkeypatch)
    store.close()
