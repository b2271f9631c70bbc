"""Two bundles over the same made items, what each says to each user, and whether an answer is all of one of them.

The bundles' window ended long ago, so that an answer depends on the bundle and the user alone.
"""

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from catalogue import N_USERS, events, made, model_of
from load import Client, path_of

from coldframe.bundle.registry import Registry
from coldframe.scoring.packing import NULLABLE, pack
from coldframe.scoring.threads import one_thread_each
from coldframe.serving.engine import Engine
from coldframe.settings import Settings
from coldframe.store.importing import import_frame
from coldframe.store.sqlite import SQLiteStore

COLDFRAME = [sys.executable, "-m", "coldframe"]


class Item(msgspec.Struct, frozen=True):
    """What of a recommended item is compared."""

    item_id: str
    score: float


class Answer(msgspec.Struct, frozen=True):
    """What of an answer is compared: equal when one bundle said the same."""

    bundle: str
    items: tuple[Item, ...]


@dataclass
class Judge:
    """Compares answers with `right`: each bundle's answer to each of the users, by bundle."""

    right: dict[str, list[Answer]]
    named: str = ""
    """The bundle of the newest answer."""

    def ask(self, client: Client, number: int) -> str:
        """Ask for one user's list and return what is wrong with it."""
        return self.fault(number, client.get(path_of(number)))

    def fault(self, number: int, body: bytes) -> str:
        """Return what is wrong with the answer to a request, "" for nothing."""
        answer = msgspec.json.decode(body, type=Answer)
        if answer.bundle not in self.right:
            return f"mixed: nobody promoted {answer.bundle}"
        if answer != self.right[answer.bundle][number % N_USERS]:
            return f"mixed: user {number % N_USERS} was answered what bundle {answer.bundle} does not say"
        self.named = answer.bundle
        return ""


def publish(folder: Path, n_items: int) -> tuple[str, str]:
    """Make a project with two bundles and the pasts of users; return the bundles, the first of them promoted."""
    subprocess.run([*COLDFRAME, "init", "."], cwd=folder, check=True, capture_output=True)
    data = folder / "coldframe-data"
    registry, now = Registry(data / "bundles"), datetime.now(UTC)
    as_of = int((now - timedelta(days=100)).timestamp()) * 1_000_000
    catalogues = [made(n_items, seed=seed) for seed in (1, 2)]
    packed = [pack(model_of(catalogue, as_of)) for catalogue in catalogues]
    one, other = [registry.publish(*each, created_at=now, nullable=NULLABLE) for each in packed]
    store = SQLiteStore(data, Settings().store)
    import_frame(store, "events", events(catalogues[0], as_of))
    store.close()
    registry.promote(one)
    return one, other


def answers(data: Path, bundles: tuple[str, str]) -> dict[str, list[Answer]]:
    """Return what each bundle says to each user, the last one promoted first and the first one last."""
    store, registry, found = SQLiteStore(data, Settings().store), Registry(data / "bundles"), dict[str, list[Answer]]()
    users = [f"user-{number}" for number in range(N_USERS)]
    with one_thread_each():
        for bundle in reversed(bundles):
            registry.promote(bundle)
            engine = Engine(store, registry, Settings())
            engine.refresh()
            told = engine.recommend_many(users, n=10, shown=False)
            found[bundle] = [Answer(each.bundle, tuple(Item(i.item_id, i.score) for i in each.items)) for each in told]
    store.close()
    return found
