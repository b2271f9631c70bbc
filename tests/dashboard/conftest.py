"""The stationer's and its page, shared by the tests of this folder."""

import pytest
from litestar.testing import TestClient
from stationer import app_on, new_shop


@pytest.fixture
def shop():
    return new_shop()


@pytest.fixture
def page(shop):
    with TestClient(app_on(shop)) as client:
        yield client
