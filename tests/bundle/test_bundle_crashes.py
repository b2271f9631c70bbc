"""A writer may die at any moment, and many may write at once: what is visible is whole."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from coldframe.bundle import Registry, open_bundle

KILLS = 12
PUBLISH = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from coldframe.bundle import Registry
from coldframe.errors import UnknownIdError

root, first, count, size = Path(sys.argv[1]), *map(int, sys.argv[2:])
registry = Registry(root)
print("ready", flush=True)
for seed in range(first, first + count):
    arrays = {name: np.full(size, seed + i, dtype=np.int64) for i, name in enumerate("abcd")}
    bundle = registry.publish(arrays, {"seed": seed}, created_at=datetime(2011, 12, 9, 0, 0, seed % 60, tzinfo=UTC))
    try:
        registry.promote(bundle)
    except UnknownIdError:
        pass  # somebody else's prune was quicker
    if seed % 3 == 0:
        registry.prune(2)
"""


def publisher(root: Path, first: int, count: int, size: int) -> subprocess.Popen:
    command = [sys.executable, "-c", PUBLISH, str(root), str(first), str(count), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def visible(root: Path) -> list[str]:
    return [name for name in os.listdir(root) if name.startswith("v1-")]


def test_a_killed_writer_leaves_only_whole_bundles_and_a_pointer_to_one(tmp_path):
    chance = random.Random(7)
    for kill in range(KILLS):
        process = publisher(tmp_path, 1000 * kill, 1000, 20_000)
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 30
        while kill == 0 and Registry(tmp_path).promoted() is None and time.monotonic() < deadline:
            time.sleep(0.01)  # on a busy machine the first one may not get that far by itself
        time.sleep(chance.uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        registry = Registry(tmp_path)
        for name in visible(tmp_path):
            open_bundle(tmp_path / name)
        if registry.promoted() is not None:
            registry.open()
    registry.publish({}, {}, created_at=datetime(2012, 1, 1, tzinfo=UTC))
    registry.prune(100)
    rest = {name for name in os.listdir(tmp_path) if not name.startswith("v1-")}
    assert rest <= {".write.lock", ".registry.lock", "registry.json", ".registry.json.new"}
    assert registry.promoted() is not None


def test_many_processes_publish_promote_and_prune_at_once(tmp_path):
    writers = [publisher(tmp_path, 100 * i, 8, 50) for i in range(4)]
    registry = Registry(tmp_path)
    while any(writer.poll() is None for writer in writers):
        registry.list()
        if registry.promoted() is not None:
            registry.open()
    for writer in writers:
        writer.stdout.close()
    assert [writer.returncode for writer in writers] == [0] * 4
    assert {info.bundle for info in registry.list()} == set(visible(tmp_path))
    assert sum(info.promoted for info in registry.list()) == 1
    for name in visible(tmp_path):
        open_bundle(tmp_path / name)
