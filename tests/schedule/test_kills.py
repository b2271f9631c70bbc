"""A training killed at any moment: the next one gives the very bytes that an undisturbed one gives."""

import shutil
import signal
import time

import pytest
from small_project import AS_OF, bytes_of, call, open_store, start, trainings

from coldframe.bundle.registry import Registry
from coldframe.clock import system_clock
from coldframe.schedule.plan import LEASE

TRAIN = ("train", "--as-of", AS_OF)


@pytest.fixture(scope="module")
def undisturbed(template, tmp_path_factory):
    """What a training makes that nobody disturbs: id and bytes of its bundle."""
    folder = shutil.copytree(template, tmp_path_factory.mktemp("undisturbed") / "project")
    code, _, err = call(folder, *TRAIN)
    assert code == 0, err
    bundle = Registry(folder / "coldframe-data/bundles").promoted()
    return bundle, bytes_of(folder, bundle)


def kill_at(folder, step, seconds):
    """Begin a training and kill it so many seconds after it says that a step begins."""
    process = start(folder, *TRAIN)
    said = any(line.strip() == step for line in process.stderr)
    assert said, f"there is no step {step!r}"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def wait_until_free(folder):
    """Wait until the lease of the dead has ended."""
    store = open_store(folder)
    while (lease := store.lease(LEASE)) is not None and lease.expires_at > system_clock():
        time.sleep(0.1)
    store.close()


def check(folder, undisturbed, step, seconds):
    kill_at(folder, step, seconds)
    code, _, err = call(folder, *TRAIN)
    if code:
        assert code == 5, err
        assert "A training is running already: coldframe train, process" in err
    wait_until_free(folder)
    code, _, err = call(folder, *TRAIN)
    assert code == 0, err
    bundle = Registry(folder / "coldframe-data/bundles").promoted()
    assert (bundle, bytes_of(folder, bundle)) == undisturbed
    left = {path.name for path in (folder / "coldframe-data/bundles").iterdir()}
    assert left == {bundle, "registry.json", ".registry.lock", ".write.lock"}
    assert trainings(folder)[-1].outcome in ("lost", "promoted")


def test_a_training_killed_in_the_midst_is_made_up_for(project, undisturbed):
    check(project, undisturbed, "models", 0.3)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("step", ["read", "models", "fit mixer", "bundle"])
def test_killed_at_any_moment_it_is_made_up_for(project, undisturbed, step, seconds):
    check(project, undisturbed, step, seconds)


def test_sigterm_gives_the_lease_back_at_once(project):
    process = start(project, *TRAIN)
    for line in process.stderr:
        if line.strip() == "models":
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [run.outcome for run in trainings(project)] == ["stopped"]
    store = open_store(project)
    assert store.lease(LEASE) is None
    store.close()
