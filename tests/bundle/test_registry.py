"""Publish, promote, roll back, prune: the pointer is always on a sound bundle or nowhere."""

import os
import shutil
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from coldframe.bundle import BundleInfo, Registry
from coldframe.errors import BundleError, UnknownIdError
from coldframe.testing.bundle_attacks import replace

DAY = datetime(2011, 12, 9, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "data" / "bundles")


@pytest.fixture
def three(registry):
    """The ids of three bundles, published a day apart."""
    return [publish(registry, seed) for seed in range(3)]


def publish(registry, seed):
    arrays = {"v": np.full(3, seed, dtype=np.float32)}
    return registry.publish(arrays, {"metrics": {"ndcg@10": seed / 10}}, created_at=DAY + timedelta(days=seed))


def damage(tmp_path, bundle):
    path = tmp_path / "data" / "bundles" / bundle / "v.npy"
    replace(path, bytes(path.stat().st_size))


def test_an_empty_registry(registry, tmp_path):
    assert registry.list() == []
    assert registry.promoted() is None
    with pytest.raises(BundleError, match="No bundle is promoted"):
        registry.open()
    with pytest.raises(BundleError, match="no earlier"):
        registry.rollback()


def test_looking_creates_nothing(registry, tmp_path):
    registry.list()
    registry.promoted()
    assert not (tmp_path / "data").exists()


def test_list_is_newest_first_with_metrics(registry, three):
    registry.promote(three[1])
    assert registry.list() == [
        BundleInfo(bundle=three[i], created_at=DAY + timedelta(days=i), promoted=i == 1, metrics={"ndcg@10": i / 10})
        for i in (2, 1, 0)
    ]


def test_publishing_does_not_promote(registry, three):
    assert registry.promoted() is None


def test_publishing_again_keeps_the_first_date(registry, three):
    arrays = {"v": np.zeros(3, dtype=np.float32)}
    again = registry.publish(arrays, {"metrics": {"ndcg@10": 0.0}}, created_at=DAY + timedelta(days=9))
    assert again == three[0]
    assert registry.list()[-1].created_at == DAY


def test_metrics_that_are_no_numbers_are_not_listed(registry):
    registry.publish({}, {"metrics": {"a": 1, "b": {"value": 2}, "c": "x"}}, created_at=DAY)
    assert registry.list()[0].metrics == {"a": 1.0}


def test_a_promoted_bundle_opens_by_default(registry, three):
    registry.promote(three[2])
    assert registry.promoted() == three[2]
    assert registry.open().id == three[2]
    assert registry.open(three[0]).arrays["v"].tolist() == [0, 0, 0]


def test_rollback_walks_back(registry, three):
    for bundle in three:
        registry.promote(bundle)
    assert [registry.rollback(), registry.rollback()] == [three[1], three[0]]
    with pytest.raises(BundleError, match="no earlier"):
        registry.rollback()
    assert registry.promoted() == three[0]


def test_rollback_passes_over_the_damaged_and_the_gone(registry, three, tmp_path):
    last = publish(registry, 3)
    for bundle in (*three, last):
        registry.promote(bundle)
    damage(tmp_path, three[2])
    shutil.rmtree(tmp_path / "data" / "bundles" / three[1])
    assert registry.rollback() == three[0]


def test_promoting_what_is_promoted_adds_nothing_to_roll_back_through(registry, three):
    for bundle in (three[0], three[1], three[1]):
        registry.promote(bundle)
    assert registry.rollback() == three[0]


def test_rollback_never_stays_where_it_is(registry, three, tmp_path):
    for bundle in (three[0], three[1], three[0]):
        registry.promote(bundle)
    damage(tmp_path, three[1])
    with pytest.raises(BundleError, match="no earlier"):
        registry.rollback()
    assert registry.promoted() == three[0]


def test_a_damaged_bundle_is_not_promoted(registry, three, tmp_path):
    registry.promote(three[0])
    damage(tmp_path, three[1])
    with pytest.raises(BundleError, match=r"v\.npy"):
        registry.promote(three[1])
    assert registry.promoted() == three[0]


@pytest.mark.parametrize(
    "name", ["v1-0000000000000000", "", ".", "..", "../x", "/etc", "registry.json", "v1-0\n", "\0"]
)
def test_unknown_ids_are_told(registry, three, name):
    for ask in (registry.promote, registry.open, registry.manifest):
        with pytest.raises(UnknownIdError) as told:
            ask(name)
        assert "models list" in told.value.remedy


def test_manifest_is_plain(registry, three):
    manifest = registry.manifest(three[1])
    assert manifest["meta"] == {"metrics": {"ndcg@10": 0.1}}
    assert manifest["arrays"]["v"]["shape"] == [3]


def test_prune_keeps_the_newest_the_serving_and_the_one_to_roll_back_to(registry, three):
    more = [publish(registry, seed) for seed in range(3, 7)]
    registry.promote(three[0])
    registry.promote(more[0])
    registry.promote(three[1])
    assert registry.prune(2) == [more[1], three[2], three[0]]
    assert [info.bundle for info in registry.list()] == [more[3], more[2], more[0], three[1]]
    assert registry.rollback() == more[0]


def test_prune_to_nothing_keeps_what_serves(registry, three):
    registry.promote(three[1])
    assert registry.prune(0) == [three[2], three[0]]
    assert [info.bundle for info in registry.list()] == [three[1]]


def test_prune_of_little_removes_nothing(registry, three):
    assert registry.prune(3) == []


def test_a_bundle_copied_in_by_hand_is_listed_and_can_be_promoted(registry, three, tmp_path):
    other = Registry(tmp_path / "other")
    shutil.copytree(tmp_path / "data" / "bundles" / three[0], tmp_path / "other" / three[0])
    os.utime(tmp_path / "other" / three[0], (DAY.timestamp(), DAY.timestamp()))
    assert other.list() == [BundleInfo(bundle=three[0], created_at=DAY, promoted=False)]
    other.promote(three[0])
    assert other.open().id == three[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"version": 2}',
        b'{"promotions": 3}',
        b'{"promotions": ["../v1-0123456789abcdef"]}',
        b'{"bundles": {"v1-0123456789abcdef": {}}}',
    ],
)
def test_a_broken_record_is_told_and_the_bundles_survive(registry, three, tmp_path, content):
    record = tmp_path / "data" / "bundles" / "registry.json"
    record.write_bytes(content)
    with pytest.raises(BundleError, match=r"registry\.json") as told:
        registry.promoted()
    assert "delete the file" in told.value.remedy
    record.unlink()
    registry.promote(three[1])
    assert {info.bundle for info in registry.list()} == set(three)


def test_a_promotion_removed_by_hand_is_an_error_and_not_another_bundle(registry, three, tmp_path):
    registry.promote(three[0])
    shutil.rmtree(tmp_path / "data" / "bundles" / three[0])
    with pytest.raises(BundleError, match=three[0]):
        registry.open()


def test_a_root_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    registry = Registry(tmp_path / "file")
    with pytest.raises(BundleError, match="could not be written"):
        registry.publish({}, {}, created_at=DAY)
    with pytest.raises(BundleError):
        registry.promoted()


def test_threads_promote_at_once(registry, three):
    threads = [threading.Thread(target=registry.promote, args=(three[i % 3],)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.promoted() in three
    assert registry.rollback() in three
