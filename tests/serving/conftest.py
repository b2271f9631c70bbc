"""The service in process, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient
from serving_doubles import service


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
