"""implicit's alternating least squares, timed epoch by epoch, for `benchmarks/training.py`. Runs among the peers.

    python epochs.py FOLDER '{"params": {…}, "marks": [3, 6, 12]}'

FOLDER holds indptr.npy, indices.npy, confidence.npy and shape.npy. Writes users-E.npy and items-E.npy after each marked
epoch, and prints {"times": [[wall, processor] at each epoch's end]}. Imports nothing of coldframe.
"""

import json
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares


def main() -> None:
    """Fit once."""
    folder, order = Path(sys.argv[1]), json.loads(sys.argv[2])
    indptr, indices, data, shape = (np.load(folder / f"{n}.npy") for n in ("indptr", "indices", "confidence", "shape"))
    model = AlternatingLeastSquares(**order["params"], use_gpu=False)
    times: list[tuple[float, float]] = []

    def note(epoch: int, *_: object) -> None:
        times.append((perf_counter(), process_time()))
        if epoch + 1 in order["marks"]:
            np.save(folder / f"users-{epoch + 1}.npy", model.user_factors)
            np.save(folder / f"items-{epoch + 1}.npy", model.item_factors)

    model.fit(sp.csr_matrix((data, indices, indptr), shape=tuple(shape)), show_progress=False, callback=note)
    print(json.dumps({"times": times}))


if __name__ == "__main__":
    main()
