"""A process that dies at any moment: what it acknowledged is there, what it left behind is swept away."""

import signal
import subprocess
import sys
import time

import pytest

from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.store_samples import event, events, frame

SETTINGS = Settings().store

APPENDER = """
import sys, threading
from pathlib import Path
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.store_samples import DAY, START, events
store, life = SQLiteStore(Path(sys.argv[1]), Settings().store), int(sys.argv[2])

def append(thread):
    for batch in range(100_000):
        first = life * 100_000 + thread * 30_000 + batch * 7
        reports = store.append_events(events(first, first + 7))
        assert {each.status for each in reports} == {"accepted"}
        sys.stdout.write(f"{first}\\n")
        sys.stdout.flush()

def seal():
    while True:
        store.seal(before=START + 999_999 * DAY)

for target, args in [(append, (0,)), (append, (1,)), (append, (2,)), (seal, ())]:
    threading.Thread(target=target, args=args).start()
"""

DYING = """
import os, sys
from pathlib import Path
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, sealing
from coldframe.testing.store_samples import DAY, START, events, frame
sealing.IMPORT_ROWS = 20
store = SQLiteStore(Path(sys.argv[1]), Settings().store)
left = int(sys.argv[3])

def dying(real):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*args, **kwargs)
    return call

os.fsync, os.replace = dying(os.fsync), dying(os.replace)
if sys.argv[2] == "import":
    store.import_events([frame(events(10, 50))])
else:
    store.seal(before=START + 99 * DAY)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    acknowledged = set()
    for life in range(5):
        command = [sys.executable, "-c", APPENDER, tmp_path, str(life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            first = child.stdout.readline()
            time.sleep(0.1 + 0.07 * life)
            child.send_signal(signal.SIGKILL)
            acknowledged |= {int(line) for line in [first, *child.stdout.read().split("\n")[:-1]]}
    store = SQLiteStore(tmp_path, SETTINGS)
    scanned = store.scan_events().collect()
    stored = set(scanned["event_id"])
    assert len(stored) == scanned.height
    assert {each.event_id for first in acknowledged for each in events(first, first + 7)} <= stored
    assert scanned.height % 7 == 0
    assert len(store.recent_events("ann", limit=10**6)) == scanned.height
    assert len(acknowledged) > 5
    store.close()


@pytest.mark.parametrize("work", ["import", "seal"])
@pytest.mark.parametrize("moment", [0, 1, 4, 9, 11, 12])
def test_a_crash_in_the_midst_leaves_all_or_nothing(tmp_path, work, moment):
    store = SQLiteStore(tmp_path, SETTINGS)
    store.append_events(events(0, 10))
    store.close()
    died = subprocess.run([sys.executable, "-c", DYING, tmp_path, work, str(moment)], check=False)
    assert died.returncode == 9
    again = SQLiteStore(tmp_path, SETTINGS)
    assert again.scan_events().collect().equals(frame(events(0, 10)))
    assert not any(path.is_file() for name in ("segments", "index") for path in (tmp_path / name).rglob("*"))
    report = again.import_events([frame(events(0, 50))])
    assert (report.accepted, report.repeated) == (40, 10)
    again.close()


def test_sweeping_leaves_what_another_process_is_sealing(tmp_path):
    store = SQLiteStore(tmp_path, SETTINGS)

    def frames():
        yield frame(events(0, 5))
        (tmp_path / "segments" / ".new").write_bytes(b"half a segment")
        SQLiteStore(tmp_path, SETTINGS).close()
        assert (tmp_path / "segments" / ".new").exists()
        yield frame(events(5, 10))

    assert store.import_events(frames()).accepted == 10
    store.close()


def test_an_event_that_becomes_live_during_an_import_counts_once(tmp_path, monkeypatch):
    """Its id was free when the import looked, and is taken when the import is recorded."""
    from coldframe.store.sqlite import sealing

    monkeypatch.setattr(sealing, "IMPORT_ROWS", 5)
    store = SQLiteStore(tmp_path, SETTINGS)

    def frames():
        yield frame(events(0, 5))
        yield frame(events(5, 10))
        store.append_events([event(3, item_id="axe"), *events(5, 10)])

    report = store.import_events(frames())
    assert (report.accepted, report.repeated) == (4, 6)
    expected = [event(number, item_id="axe") if number == 3 else event(number) for number in range(10)]
    assert store.scan_events().collect().equals(frame(expected))
    assert store.recent_events("ann", limit=99) == expected[::-1]
    store.close()
    left = SQLiteStore(tmp_path, SETTINGS)
    assert len(list((tmp_path / "segments").iterdir())) == 1
    left.close()


def test_an_interrupted_import_keeps_nothing(tmp_path):
    store = SQLiteStore(tmp_path, SETTINGS)

    def frames():
        yield frame(events(0, 5))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.import_events(frames())
    assert list((tmp_path / "segments").iterdir()) == []
    assert store.import_events([frame(events(0, 5))]).accepted == 5
    store.close()
