"""`coldframe run` as a process: it serves while it trains, follows its bundles, survives its trainer, ends politely."""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from small_project import make_project, open_store, runs, start, trainings

from coldframe.bundle.registry import Registry
from coldframe.schedule.plan import LEASE

PATIENCE = 90


class Running:
    """A `coldframe run` in a project, and what it has said so far."""

    def __init__(self, folder, *words):
        self.folder = folder
        self.process = start(folder, "run", "--port", "0", "--json", *words)
        self.address = json.loads("".join(self.process.stdout.readline() for _ in range(3)))["address"]
        self.said = []
        self._reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr))
        self._reader.start()

    def get(self, path):
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            return answer.status, json.loads(answer.read())

    def children(self):
        """Return the processes that it started, by name of what they run."""
        listed = os.listdir("/proc")
        found = {}
        for pid in (int(name) for name in listed if name.isdigit()):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
                with open(f"/proc/{pid}/cmdline") as file:
                    words = file.read()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid:
                found[pid] = (words, int(fields[16]))
        return found

    def trainer(self):
        """Return the process that trains: the one whose priority is lowered."""
        return next((pid for pid, (_, nice) in self.children().items() if nice > 0), None)

    def stop(self, number=signal.SIGTERM):
        """Send a signal to the process that was started, wait for its end and return its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self):
        """Wait for the end and return the exit code."""
        self.process.wait(timeout=60)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.returncode


@pytest.fixture
def running(project):
    made = []

    def begin(*words, folder=project):
        made.append(Running(folder, *words))
        return made[-1]

    yield begin
    for each in made:
        if each.process.poll() is None:
            os.killpg(each.process.pid, signal.SIGKILL)
        each.ended()


def eventually(look, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def promoted(folder):
    return Registry(folder / "coldframe-data/bundles").promoted()


def test_it_serves_while_it_trains_and_follows_its_bundle(project, running):
    service = running()
    trainer = eventually(service.trainer, "a trainer")
    if sys.platform == "linux":
        eventually(lambda: os.sched_getscheduler(trainer) == os.SCHED_IDLE, "its giving way")
    statuses = []
    while promoted(project) is None:
        statuses.append(service.get("/healthz")[0])
    assert set(statuses) == {200}
    eventually(lambda: ready(service), "an answer of the new bundle")
    status, answer = service.get("/v1/users/u001/recommendations?n=3")
    assert (status, answer["bundle"]) == (200, promoted(project))
    eventually(lambda: trainings(project)[0].outcome == "promoted", "the record")
    assert service.stop() == 0
    (run,) = runs(project)
    assert run["freshness"]["events"] == run["events"]
    assert "coldframe run, process" in run["owner"]
    again = running()  # the last training is young: it waits
    eventually(lambda: any("the next training begins" in line for line in again.said), "the plan")
    assert again.trainer() is None
    assert again.stop() == 0
    assert len(trainings(project)) == 1


def ready(service):
    try:
        return service.get("/readyz")[0] == 200
    except urllib.error.HTTPError as error:
        error.close()
        return False


def test_stopped_amid_a_training_it_ends_the_trainer_and_gives_the_lease_back(project, running):
    service = running()
    trainer = eventually(service.trainer, "a trainer")
    store = open_store(project)
    eventually(lambda: store.lease(LEASE), "the lease")
    assert service.stop() == 0
    assert not os.path.exists(f"/proc/{trainer}")
    assert store.lease(LEASE) is None
    assert [run.outcome for run in store.trainings()] == ["stopped"]
    store.close()


@pytest.mark.slow
def test_a_killed_trainer_is_followed_by_another_after_a_pause(project, running):
    service = running()
    trainer = eventually(service.trainer, "a trainer")
    store = open_store(project)
    eventually(lambda: store.lease(LEASE), "the lease")
    os.kill(trainer, signal.SIGKILL)
    eventually(lambda: promoted(project), "a bundle")
    assert service.get("/healthz")[0] == 200
    eventually(lambda: [run.outcome for run in store.trainings()] == ["promoted", "failed"], "both records")
    newest, failed = store.trainings()
    assert "killed" in failed.message
    assert (newest.started_at - failed.ended_at).total_seconds() >= 3
    store.close()
    assert service.stop() == 0


def test_no_data_is_no_crash_loop(tmp_path, running):
    folder = make_project(tmp_path / "empty", with_events=False)
    service = running("--set", "schedule.retry_minutes=10", folder=folder)
    eventually(lambda: any("holds no event" in line and "keeps serving" in line for line in service.said), "a message")
    assert service.get("/healthz")[0] == 200
    assert service.stop() == 0
    assert [run.outcome for run in trainings(folder)] == ["failed"]


def test_ctrl_c_in_a_terminal_reaches_all_and_ends_it_politely(project, running):
    service = running()
    eventually(service.trainer, "a trainer")
    os.killpg(service.process.pid, signal.SIGINT)
    assert service.ended() == 0
    assert [line for line in service.said if "Traceback" in line] == []
