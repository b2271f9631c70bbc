"""Our framework and server with NumPy's argpartition: python partition.py FOLDER PORT, in our own environment."""

import sys

import msgspec
import numpy as np
from arrays import Arrays, item_id, number
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar, get
from litestar.params import FromPath, FromQuery


class Item(msgspec.Struct):
    """One slot."""

    item_id: str
    score: float


class Answer(msgspec.Struct):
    """One list."""

    user_id: str
    items: list[Item]


def load(folder: str) -> Litestar:
    """Return the app on a folder's arrays."""
    arrays = Arrays(folder)

    @get("/v1/users/{user_id:str}/recommendations", sync_to_thread=False)
    def recommend(user_id: FromPath[str], n: FromQuery[int] = 10) -> Answer:
        """Part the best from the rest, then sort the best."""
        user = number(user_id)
        scores = arrays.scores(user)
        scores[arrays.seen(user)] = -np.inf
        best = np.argpartition(-scores, n)[:n]
        best = best[np.argsort(-scores[best])]
        return Answer(
            user_id, [Item(item_id(row), score) for row, score in zip(best, scores[best].tolist(), strict=True)]
        )

    return Litestar([recommend], openapi_config=None)


def main() -> None:
    """Serve as `coldframe serve` does: one process that answers."""
    server = Server(
        "partition",
        address="127.0.0.1",
        port=int(sys.argv[2]),
        interface=Interfaces.ASGI,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=lambda: load(sys.argv[1]), wrap_loader=False)


if __name__ == "__main__":
    main()
