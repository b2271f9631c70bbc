"""Fit one peer and answer questions; runs in the peers' environment.

    .venv-peers/bin/python benchmarks/peers/worker.py FOLDER PEER PARAMS

`folder.py` lists the files, `process.py` the messages. Whatever a library prints goes to standard error. Ends with its
standard input, in the middle of a training too.
"""

import importlib
import json
import os
import sys
import threading
import warnings
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TextIO

import numpy as np
from fits import FITS
from fits.data import read_batch, read_training


def main() -> None:
    """Learn, then answer until there are no more questions."""
    folder, peer, params = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    warnings.simplefilter("ignore")
    pipe = _keep_stdout()
    messages: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    started = perf_counter()
    data = read_training(folder)
    answer = importlib.import_module(FITS[peer]).fit(data, params)
    _say(pipe, ready=perf_counter() - started)
    while True:
        asked = json.loads(messages.get())
        scores = answer(read_batch(Path(asked["batch"]), data))
        np.save(asked["scores"], scores.astype(np.float32, copy=False))
        _say(pipe, done=len(scores))


def _keep_stdout() -> TextIO:
    """Return the real standard output and send everything printed elsewhere."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return pipe


def _listen(messages: "SimpleQueue[str]") -> None:
    """Queue every line; end the process when the parent is gone."""
    for line in sys.stdin:
        messages.put(line)
    os._exit(0)


def _say(pipe: TextIO, **message: float) -> None:
    pipe.write(json.dumps(message) + "\n")
    pipe.flush()


if __name__ == "__main__":
    main()
