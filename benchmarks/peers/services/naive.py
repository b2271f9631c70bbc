"""FastAPI on uvicorn, NumPy and argsort: python naive.py FOLDER PORT, in the environment of `make services`."""

import sys

import numpy as np
import uvicorn
from arrays import Arrays, item_id, number
from fastapi import FastAPI
from pydantic import BaseModel

arrays = Arrays(sys.argv[1])
app = FastAPI()


class Item(BaseModel):
    """One slot."""

    item_id: str
    score: float


class Answer(BaseModel):
    """One list."""

    user_id: str
    items: list[Item]


@app.get("/v1/users/{user_id}/recommendations")
def recommend(user_id: str, n: int = 10) -> Answer:
    """Sort the whole catalogue, then leave out what was seen."""
    user = number(user_id)
    scores, seen = arrays.scores(user), set(arrays.seen(user).tolist())
    items = []
    for row in np.argsort(-scores):
        if row not in seen:
            items.append(Item(item_id=item_id(row), score=float(scores[row])))
            if len(items) == n:
                break
    return Answer(user_id=user_id, items=items)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
