"""The embedded store keeps every promise of the protocol, whatever the size of its segments and runs."""

import pytest

from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, housekeeping, sealing
from coldframe.testing.store_contract import StoreContract


class TestSQLiteStore(StoreContract):
    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: SQLiteStore(tmp_path / "data", Settings().store)


class TestSQLiteStoreInCrumbs(TestSQLiteStore):
    """Segments of three rows and runs merged two by two: what takes millions of events happens at once."""

    @pytest.fixture(autouse=True)
    def _crumbs(self, monkeypatch):
        monkeypatch.setattr(sealing, "IMPORT_ROWS", 3)
        monkeypatch.setattr(sealing, "SEAL_ROWS", 3)
        monkeypatch.setattr(housekeeping, "FAN", 2)
