"""The factorisation gives the same bits whether its code was just compiled or comes from the cache."""

import os
import subprocess
import sys

FACTORISE = """
import hashlib
import numpy as np
import scipy.sparse as sp
from coldframe.models.als import factorise
seen = sp.random(500, 300, 0.03, format="csr", random_state=1, dtype=np.float32)
_, items = factorise(seen, dim=16, alpha=4, regularization=0.01, epochs=3, generator=np.random.default_rng(1))
print(hashlib.sha256(items.vectors.tobytes() + items.bias.tobytes()).hexdigest())
"""


def test_the_first_run_on_a_machine_has_the_bits_of_every_later_one(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", FACTORISE], env=environment, capture_output=True, check=True).stdout
        for _ in range(2)
    )
    assert list(tmp_path.rglob("*.nbi"))
    assert first == second
