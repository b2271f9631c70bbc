"""Files in object storage say what the same files say here; one that fails on the way is no source at all."""

import io
import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any, ClassVar

import polars as pl
import pytest

from coldframe.errors import InputError, StoreError
from coldframe.events.files import ENDINGS
from coldframe.sources import objects
from coldframe.sources.address import Address
from coldframe.sources.asked import Asked
from coldframe.sources.reading import staged
from coldframe.testing.full_disk import no_file_larger_than

fsspec = pytest.importorskip("fsspec", reason="coldframe[cloud] is not installed")


class Bucket(fsspec.AbstractFileSystem):
    """Object storage in memory, whose objects may change or vanish while somebody reads them."""

    protocol = "bucket"
    cachable = False
    objects: ClassVar[dict[str, bytes]] = {}
    on_read: ClassVar[Callable[[str, int], None]] = lambda path, at: None

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if path not in self.objects:
            raise FileNotFoundError(f"no object {path}")
        data = self.objects[path]
        return {"name": path, "size": len(data), "type": "file", "tag": hash(data)}

    def find(self, path: str, **_: Any) -> list[str]:
        return [name for name in self.objects if name.startswith(path)]

    def glob(self, path: str, **_: Any) -> list[str]:
        start, _star, end = path.partition("*")
        return [name for name in self.objects if name.startswith(start) and name.endswith(end)]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        bucket = self

        class Reader(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                bucket.on_read(path, self.tell())
                return super().read(size)

        return Reader(self.objects[path])


@pytest.fixture
def bucket(monkeypatch):
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    monkeypatch.setattr(Bucket, "objects", {"shop/a.csv": b"a" * 100, "shop/day/b.csv": b"b" * 50})
    monkeypatch.setattr(Bucket, "on_read", staticmethod(lambda path, at: None))
    monkeypatch.setattr(objects, "CHUNK", 10)
    return Bucket


def copy(url, folder, asked=None):
    """Return what was copied: name at the source → bytes."""
    with staged(Address(url), folder / "copy", asked or Asked(), progress=lambda *_: None) as found:
        return {name: path.read_bytes() for name, path in found.files}


def test_a_folder_a_pattern_and_a_file(bucket, tmp_path):
    bucket.objects |= {"shop/readme.md": b"?", "shop/c.parquet": b"c"}
    everything = {f"bucket://{name}": data for name, data in bucket.objects.items() if name != "shop/readme.md"}
    assert copy("bucket://shop/", tmp_path) == everything
    assert copy("bucket://shop/day/b.csv", tmp_path) == {"bucket://shop/day/b.csv": b"b" * 50}
    assert list(copy("bucket://shop/*.csv", tmp_path)) == ["bucket://shop/a.csv", "bucket://shop/day/b.csv"]
    assert list(copy("bucket://shop/", tmp_path, Asked(endings=(".parquet",)))) == ["bucket://shop/c.parquet"]
    assert not (tmp_path / "copy").exists()


def test_files_of_one_name_in_two_folders_are_two(bucket, tmp_path):
    bucket.objects |= {"shop/day/a.csv": b"other"}
    assert copy("bucket://shop/", tmp_path)["bucket://shop/day/a.csv"] == b"other"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("bucket://nowhere/", "holds no event file"),
        ("bucket://shop/a.xlsx", "holds no event file"),
        ("nobody://shop/a.csv", "nobody"),
    ],
)
def test_what_is_not_there_is_named(bucket, tmp_path, url, says):
    with pytest.raises(InputError, match=says):
        copy(url, tmp_path)


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed here")
def test_a_filesystem_that_is_not_installed_says_what_to_install(tmp_path):
    with pytest.raises(InputError, match="pip install s3fs"):
        copy("s3://bucket/a.csv", tmp_path)


def vanishes(bucket):
    def act(path, at):
        if at >= 30:
            bucket.objects.pop(path, None)
            raise FileNotFoundError(f"no object {path}")

    return act


def grows(bucket):
    def act(path, at):
        if at == 30:
            bucket.objects[path] += b"more"

    return act


def rewritten(bucket):
    def act(path, at):
        if at == 30:
            bucket.objects[path] = bytes(len(bucket.objects[path]))

    return act


def breaks(bucket):
    def act(path, at):
        if at >= 30:
            raise ConnectionResetError("reset by peer")

    return act


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (vanishes, "a.csv cannot be read to its end: no object"),
        (grows, "a.csv changed while it was read"),
        (rewritten, "a.csv changed while it was read"),
        (breaks, "a.csv cannot be read to its end: reset by peer"),
    ],
)
def test_an_object_that_fails_while_it_is_read_leaves_nothing(bucket, tmp_path, monkeypatch, fault, says):
    del bucket.objects["shop/day/b.csv"]
    monkeypatch.setattr(bucket, "on_read", staticmethod(fault(bucket)))
    with pytest.raises(InputError, match=says):
        copy("bucket://shop/", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_errors_of_a_library_that_is_loaded_while_it_reads_are_told_as_well(bucket, tmp_path, monkeypatch):
    """As s3fs loads botocore with its first request, whose errors are no OSError."""
    library = ModuleType("aiohttp")
    library.ClientError = type("ClientError", (Exception,), {})

    def act(path, at):
        monkeypatch.setitem(sys.modules, "aiohttp", library)
        raise library.ClientError("payload is not complete")

    monkeypatch.setattr(bucket, "on_read", staticmethod(act))
    with pytest.raises(InputError, match="payload is not complete"):
        copy("bucket://shop/a.csv", tmp_path)


def test_an_object_that_ends_too_early_is_refused(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(bucket, "_open", lambda self, path, mode="rb", **_: io.BytesIO(self.objects[path][:-1]))
    with pytest.raises(InputError, match="ended after 99 of 100 bytes"):
        copy("bucket://shop/a.csv", tmp_path)


def test_a_name_that_leads_out_of_the_folder_is_refused(bucket, tmp_path):
    bucket.objects["shop/day/../../../b.csv"] = b"x"
    with pytest.raises(InputError, match=r"with \.\. in its name"):
        copy("bucket://shop/", tmp_path)


def test_a_full_disk_is_named(bucket, tmp_path):
    bucket.objects["shop/a.csv"] = b"a" * 100_000
    with no_file_larger_than(20_000), pytest.raises(StoreError, match=r"a\.csv could not be written"):
        copy("bucket://shop/a.csv", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_real_filesystems_of_fsspec_do_the_same(tmp_path):
    frame = pl.DataFrame({"n": [1, 2, 3]})
    frame.write_csv(tmp_path / "a.csv")
    memory = fsspec.filesystem("memory")
    memory.pipe("/objects-test/a.csv", (tmp_path / "a.csv").read_bytes())
    try:
        found = copy("memory://objects-test/", tmp_path) | copy(f"file://{tmp_path}/a.csv", tmp_path)
        assert set(found.values()) == {(tmp_path / "a.csv").read_bytes()}
        assert len(found) == 2
    finally:
        memory.rm("/objects-test", recursive=True)


def test_every_ending_that_import_knows_is_found(bucket, tmp_path):
    bucket.objects |= {f"all/x{number}{ending}": b"x" for number, ending in enumerate(ENDINGS)}
    assert len(copy("bucket://all/", tmp_path)) == len(ENDINGS)
