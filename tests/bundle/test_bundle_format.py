"""What is written comes back, byte for byte, and the same content always has the same id."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from coldframe.bundle import decode_texts, encode_texts, open_bundle, write_bundle
from coldframe.bundle.manifest import ARRAY_NAME, FORMAT, MAX_BYTES, VERSION, ArrayEntry, Manifest
from coldframe.bundle.npy import DTYPES, MAX_DIMENSIONS, header
from coldframe.errors import BundleError
from coldframe.testing.bundle_attacks import replace, sound_bundle

names = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,20}", fullmatch=True)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


def values(dtype):
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else None
    return hnp.arrays(dtype, shapes, elements=elements)


contents = st.dictionaries(names, st.sampled_from(list(DTYPES.values())).flatmap(values), max_size=5)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('añ日"\\\n\0'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aß'{", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(arrays=contents, meta=st.dictionaries(st.text("abc", max_size=3), plain, max_size=3))
def test_what_is_written_comes_back(arrays, meta, tmp_path_factory):
    root = tmp_path_factory.mktemp("round-trip")
    bundle = open_bundle(root / write_bundle(root, arrays, meta))
    assert bundle.meta == meta
    assert set(bundle.arrays) == set(arrays)
    for name, array in arrays.items():
        found = bundle.arrays[name]
        assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert not found.flags.writeable
        assert np.load(root / bundle.id / f"{name}.npy", allow_pickle=False).tobytes() == array.tobytes()


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=8))
def test_texts_come_back(texts):
    assert decode_texts(*encode_texts("ids", texts).values()) == tuple(texts)


@pytest.mark.parametrize(
    ("blob", "offsets"),
    [
        (b"abc", []),
        (b"abc", [0]),
        (b"abc", [1, 3]),
        (b"abc", [0, 2]),
        (b"abc", [0, 4]),
        (b"abc", [0, 2, 1, 3]),
        (b"abc", [0, -1, 3]),
        (b"abc", [0, 2**62, 3]),
        (b"\xff", [0, 1]),
        ("ü".encode(), [0, 1, 2]),
        (b"abc", [[0, 3]]),
    ],
)
def test_texts_whose_halves_disagree_are_refused(blob, offsets):
    with pytest.raises(BundleError):
        decode_texts(np.frombuffer(blob, dtype=np.uint8), np.array(offsets, dtype=np.int64))


@pytest.mark.parametrize(("blob", "offsets"), [("int8", "int64"), ("uint8", "int32"), ("uint8", "float64")])
def test_texts_of_other_dtypes_are_refused(blob, offsets):
    with pytest.raises(BundleError):
        decode_texts(np.zeros(1, dtype=blob), np.array([0, 1], dtype=offsets))


def test_a_text_without_utf8_form_is_refused():
    with pytest.raises(BundleError, match="surrogate"):
        encode_texts("ids", ["\ud800"])


def test_layout_in_memory_does_not_change_the_id(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    wide = np.zeros((3, 8), dtype=np.float32)
    wide[:, ::2] = array
    same = [array, np.asfortranarray(array), array.astype(">f4"), wide[:, ::2]]
    assert len({write_bundle(tmp_path, {"a": alike}, {}) for alike in same}) == 1


def test_order_of_names_does_not_change_the_id(tmp_path):
    one, two = np.zeros(1), np.ones(1)
    first = write_bundle(tmp_path, {"a": one, "b": two}, {"x": 1, "y": (2, 3)})
    assert first == write_bundle(tmp_path, {"b": two, "a": one}, {"y": [2, 3], "x": 1})


def test_two_writes_give_the_same_bytes(tmp_path):
    first, second = sound_bundle(tmp_path / "a"), sound_bundle(tmp_path / "b")
    assert first.name == second.name
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


def test_the_id_never_changes(tmp_path):
    """Version 1 is written down: a change of a byte anywhere is a change of the format."""
    assert sound_bundle(tmp_path).name == "v1-cedc244766a3bf10"


@pytest.mark.parametrize(
    ("arrays", "meta"),
    [
        ({"a": np.zeros(2)}, {}),
        ({"b": np.zeros(1)}, {}),
        ({"a": np.zeros(1, dtype=np.float32)}, {}),
        ({"a": np.zeros((1, 1))}, {}),
        ({"a": np.ones(1)}, {}),
        ({"a": np.array([-0.0])}, {}),
        ({"a": np.zeros(1)}, {"seed": 1}),
        ({}, {}),
    ],
)
def test_any_difference_gives_another_id(arrays, meta, tmp_path):
    assert write_bundle(tmp_path, arrays, meta) != write_bundle(tmp_path, {"a": np.zeros(1)}, {})


@pytest.mark.parametrize("dtype", ["float16", "complex64", "datetime64[s]", "S3", "U3", "O", "longdouble"])
def test_other_dtypes_are_not_written(dtype, tmp_path):
    with pytest.raises(BundleError, match="cannot hold an array"):
        write_bundle(tmp_path, {"a": np.zeros(1, dtype=dtype)}, {})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "A", "../a", "a/b", ".a", "a b", "ü", "a" * 101, "a\n"])
def test_other_names_are_not_written(name, tmp_path):
    with pytest.raises(BundleError, match="named"):
        write_bundle(tmp_path, {name: np.zeros(1)}, {})


@pytest.mark.parametrize(
    "value",
    [np.nan, [1, [np.inf]], {1: 2}, {"a": [{None: 1}]}, {1, 2}, b"x", np.float32(1), np.zeros(1), "\ud800"],
    ids=repr,
)
def test_meta_that_json_cannot_hold_is_not_written(value, tmp_path):
    with pytest.raises(BundleError, match="meta"):
        write_bundle(tmp_path, {}, {"x": value})
    assert [path.name for path in tmp_path.iterdir()] == [".write.lock"]


def test_meta_may_not_be_bottomless(tmp_path):
    meta = {}
    for _ in range(100_000):
        meta = {"x": meta}
    with pytest.raises(BundleError, match="meta"):
        write_bundle(tmp_path, {}, meta)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_written_only_where_it_may_be(value, tmp_path):
    array = np.array([1.0, value])
    with pytest.raises(BundleError, match="'a' holds NaN or infinity"):
        write_bundle(tmp_path, {"a": array}, {})
    bundle = open_bundle(tmp_path / write_bundle(tmp_path, {"a": array}, {}, nullable={"a"}))
    np.testing.assert_array_equal(bundle.arrays["a"], array)


def test_a_nullable_array_must_exist(tmp_path):
    with pytest.raises(BundleError, match="no array 'b'"):
        write_bundle(tmp_path, {"a": np.zeros(1)}, {}, nullable={"b"})


def test_a_missing_array_is_told_by_name(bundle):
    with pytest.raises(BundleError, match="'mixer'"):
        open_bundle(bundle).arrays["mixer"]
    assert "mixer" not in open_bundle(bundle).arrays


@pytest.mark.parametrize("verify", [True, False])
def test_arrays_cannot_be_written_to(verify, bundle):
    for array in open_bundle(bundle, verify=verify).arrays.values():
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_an_open_bundle_survives_its_removal(bundle):
    opened = open_bundle(bundle)
    for path in bundle.iterdir():
        path.unlink()
    assert opened.arrays["users"].sum() == 66.0


def test_a_damaged_bundle_is_replaced_by_writing_it_again(bundle):
    sound = (bundle / "users.npy").read_bytes()
    replace(bundle / "users.npy", bytes(len(sound)))
    assert sound_bundle(bundle.parent) == bundle
    assert (bundle / "users.npy").read_bytes() == sound
    assert sorted(path.name for path in bundle.parent.iterdir()) == [".write.lock", bundle.name]


def test_a_sound_bundle_is_kept_as_it_is(bundle):
    before = {path.name: path.stat().st_ino for path in bundle.iterdir()}
    sound_bundle(bundle.parent)
    assert {path.name: path.stat().st_ino for path in bundle.iterdir()} == before


def test_files_are_plain_readable_and_not_executable(bundle):
    for path in bundle.iterdir():
        assert stat.S_ISREG(path.lstat().st_mode)
        assert path.stat().st_mode & 0o444
        assert not path.stat().st_mode & 0o111


def test_nothing_in_a_manifest_depends_on_time_or_place(bundle):
    tree = json.loads((bundle / "manifest.json").read_bytes())
    assert set(tree) == {"format", "version", "arrays", "meta"}
    assert tree["meta"] == {"seed": 7, "window": {"days": 90}, "metrics": {"ndcg@10": 0.25}}
    assert set(tree["arrays"]["users"]) == {"file", "dtype", "shape", "bytes", "sha256", "finite"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (123456789, 2), (1,) * 8])
def test_headers_are_as_numpy_reads_them(dtype, shape, tmp_path):
    (tmp_path / "h").write_bytes(header(dtype, shape))
    with (tmp_path / "h").open("rb") as file:
        assert np.lib.format.read_magic(file) == (1, 0)
        assert np.lib.format.read_array_header_1_0(file) == (shape, False, DTYPES[dtype])
    assert len(header(dtype, shape)) % 64 == 0


def test_the_written_format_is_this_one():
    spec = (Path(__file__).parents[2] / "docs" / "bundle-spec.md").read_text()
    said = set(re.findall(r"`([^`\n]+)`", spec))
    assert {*DTYPES, *ArrayEntry.__struct_fields__, *Manifest.__struct_fields__, FORMAT} <= said
    assert f"# The bundle, version {VERSION}\n" in spec
    assert ARRAY_NAME.pattern in said
    assert f"at most {MAX_BYTES >> 20} MiB" in spec
    assert f"up to {MAX_DIMENSIONS}, each" in spec


def test_a_full_disk_leaves_nothing(tmp_path):
    program = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from coldframe.bundle import write_bundle
from coldframe.errors import BundleError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_bundle(Path(sys.argv[1]), {"a": np.zeros(10), "b": np.zeros(100_000)}, {})
except BundleError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert "could not be written" in said.stdout
    assert "Nothing of it was kept" in said.stdout
    assert os.listdir(tmp_path) == [".write.lock"]
