import math
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coldframe.errors import InputError
from coldframe.shards.crc32c import masked_crc32c, tables
from coldframe.shards.tfrecord import BLOCK_ROWS, encode, read_tfrecord, write_tfrecord
from coldframe.testing.full_disk import no_file_larger_than

ROW = {"user": [7], "item": [300], "label": [1.0], "weight": [0.5], "at": [-1]}
COLUMNS = {
    "user": np.array([0, -1, 2**63 - 1]),
    "item": np.array([127, 128, -(2**63)], np.int64),
    "label": np.array([0.0, math.nan, -math.inf], np.float32),
}
N_ROWS = 3


def columns(**values):
    return {name: np.array(each, np.float32 if isinstance(each[0], float) else None) for name, each in values.items()}


def same(left, right):
    """Whether two floats or integers are equal to the bit."""
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


def cast(given):
    return {
        name: column.astype(np.float32 if column.dtype.kind == "f" else np.int64)
        for name, column in sorted(given.items())
    }


# The format once more, from its specification, a bit and a field at a time.


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(value):
    out = bytearray()
    value &= 2**64 - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(value):
    if isinstance(value, float):
        return field(2, field(1, struct.pack("<f", value)))
    return field(3, field(1, varint(value)))


def message(row):
    entries = (field(1, field(1, name.encode()) + field(2, feature(row[name]))) for name in sorted(row))
    return field(1, b"".join(entries))


def framed(payload):
    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


def plain(given):
    rows = zip(*(column.tolist() for column in cast(given).values()), strict=True)
    return b"".join(framed(message(dict(zip(sorted(given), row, strict=True)))) for row in rows)


def test_the_checksum_is_the_known_one():
    assert crc32c(b"123456789") == 0xE3069283
    assert masked_crc32c(np.frombuffer(b"123456789", np.uint8), 0, 9, tables()) == int.from_bytes(
        masked(b"123456789"), "little"
    )


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 20))
def test_the_checksum_is_that_of_one_bit_at_a_time(data, start):
    start = min(start, len(data))
    found = masked_crc32c(np.frombuffer(data, np.uint8), start, len(data), tables())
    assert found == int.from_bytes(masked(data[start:]), "little")


def test_one_record_is_as_written_by_hand():
    payload = bytes.fromhex(
        "0a5c"  # features, 92 bytes
        "0a14 0a02 6174 120e 1a0c 0a0a ffffffffffffffffff01"  # at: -1 in ten bytes
        "0a0e 0a04 6974656d 1206 1a04 0a02 ac02"  # item: 300
        "0a11 0a05 6c6162656c 1208 1206 0a04 0000803f"  # label: 1.0
        "0a0d 0a04 75736572 1205 1a03 0a01 07"  # user: 7
        "0a12 0a06 776569676874 1208 1206 0a04 0000003f"  # weight: 0.5
    )
    assert len(payload) == 94
    record = bytes.fromhex("5e00000000000000 d8b06ebc") + payload + bytes.fromhex("d5a3350b")
    assert bytes(encode(columns(**ROW))) == record == framed(payload)


def test_the_order_of_columns_and_the_size_of_blocks_do_not_change_the_file(tmp_path):
    turned = dict(reversed(COLUMNS.items()))
    for rows in (1, 2, N_ROWS, BLOCK_ROWS):
        path = tmp_path / f"{rows}.tfrecord"
        assert write_tfrecord(path, turned, block_rows=rows) == path.stat().st_size
        assert path.read_bytes() == bytes(encode(COLUMNS)) == plain(COLUMNS)


DTYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", ">i4", ">f4"]


def values_of(dtype, n_rows):
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return arrays(kind, n_rows, elements=st.floats(width=32))
    least, greatest = np.iinfo(kind).min, min(np.iinfo(kind).max, 2**63 - 1)
    near = st.sampled_from([least, greatest, *(n for n in (0, 1, 127, 128, -1) if least <= n <= greatest)])
    return arrays(kind, n_rows, elements=near | st.integers(least, greatest))


@st.composite
def tables_of_columns(draw):
    n_rows = draw(st.integers(0, 6))
    # Names around 100 characters: there the length of an entry begins to take two bytes.
    names = st.text(st.characters(codec="utf-8"), max_size=6) | st.integers(100, 140).map("n".__mul__)
    chosen = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    return {name: draw(values_of(draw(st.sampled_from(DTYPES)), n_rows)) for name in chosen}


@settings(deadline=None)
@given(tables_of_columns(), st.integers(1, 7))
@example(COLUMNS, 1)
@example({"é": np.array([2.0**-149, -0.0, 3.4e38]), "": np.array([0, 2**63 - 1, 1], np.uint64)}, 2)
@example({"a" * 20_000: np.array([-2, 300]), "b": np.arange(2, dtype=np.float32)}, 1)
def test_what_is_written_is_read_and_is_what_plain_python_writes(tmp_path_factory, given, block_rows):
    path = tmp_path_factory.mktemp("shards") / "rows.tfrecord"
    write_tfrecord(path, given, block_rows=block_rows)
    n_rows = len(next(iter(given.values())))
    assert path.read_bytes() == plain(given)
    found = read_tfrecord(path, rows=n_rows)
    assert list(found) == (sorted(given) if n_rows else [])
    assert all(same(found[name], column) for name, column in cast(given).items() if n_rows)


def test_not_a_number_keeps_its_bits():
    bits = np.array([0x7FC00000, 0xFFC00001, 0x7F800001], np.uint32)
    assert bytes(encode({"x": bits.view(np.float32)})).count(b"\x01\x00\x80\x7f") == 1


def test_a_column_that_is_no_block_of_memory_is_written_as_it_looks():
    assert same(encode({"x": np.arange(10)[::-3]}), encode({"x": np.array([9, 6, 3, 0])}))


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "rows.tfrecord"
    write_tfrecord(path, COLUMNS)
    return path


def record_starts():
    sizes = [len(plain({name: column[k : k + 1] for name, column in COLUMNS.items()})) for k in range(N_ROWS)]
    return [0, *np.cumsum(sizes).tolist()]


def test_every_flip_of_a_byte_is_refused(written):
    whole, starts = written.read_bytes(), record_starts()
    for at in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            written.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            row = max(row for row, start in enumerate(starts) if start <= at)
            with pytest.raises(InputError, match=rf"rows.tfrecord is damaged: .*record {row},.* byte {starts[row]},"):
                read_tfrecord(written)


def test_every_truncation_is_refused(written):
    whole, starts = written.read_bytes(), record_starts()
    for size in range(len(whole)):
        written.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"rows.tfrecord (ends within|has . records, not 3)"):
            read_tfrecord(written, rows=N_ROWS)
        if size not in starts:
            row = max(row for row, start in enumerate(starts) if start < size)
            with pytest.raises(InputError, match=rf"ends within record {row}, which begins at byte {starts[row]}\."):
                read_tfrecord(written)


def test_a_cut_between_two_records_is_seen_only_by_who_knows_their_number(written):
    written.write_bytes(written.read_bytes()[: record_starts()[2]])
    assert len(read_tfrecord(written)["user"]) == 2


def test_a_length_beyond_all_memory_is_a_cut(written):
    length = struct.pack("<Q", 2**64 - 1)
    written.write_bytes(length + masked(length) + b"x" * 100)
    with pytest.raises(InputError, match="ends within record 0"):
        read_tfrecord(written)


GOOD = message({"a": 1, "b": 1.0})
MANY = message({f"{k:03}": 1 for k in range(500)})
FOREIGN = {
    "empty": [b""],
    "no feature": [field(1, b"")],
    "text": [b"hello"],
    "bytes": [field(1, field(1, field(1, b"a") + field(2, field(1, field(1, b"x")))))],
    "no value": [field(1, field(1, field(1, b"a") + field(2, field(3, b""))))],
    "two values": [field(1, field(1, field(1, b"a") + field(2, field(3, field(1, b"\x01\x02")))))],
    "long varint": [field(1, field(1, field(1, b"a") + field(2, field(3, field(1, b"\x81\x00")))))],
    "varint of 70 bits": [field(1, field(1, field(1, b"a") + field(2, field(3, field(1, b"\xff" * 9 + b"\x7f")))))],
    "unpacked": [field(1, field(1, field(1, b"a") + field(2, field(3, b"\x08\x01"))))],
    "not sorted": [field(1, b"".join(field(1, field(1, name) + field(2, feature(1))) for name in (b"b", b"a")))],
    "twice": [field(1, b"".join(field(1, field(1, b"a") + field(2, feature(1))) for _ in range(2)))],
    "no text": [field(1, field(1, field(1, b"\xff") + field(2, feature(1))))],
    "more after": [GOOD + b"\x00"],
    "half": [GOOD[:-3]],
    "name cut": [b"\x0a\xff"],
    "another name": [GOOD, message({"a": 1, "c": 1.0})],
    "another kind": [GOOD, message({"a": 1, "b": 1})],
    "one less": [GOOD, message({"a": 1})],
    "one more": [GOOD, message({"a": 1, "b": 1.0, "c": 1})],
    "nothing": [GOOD, b""],
    "many, then nothing": [MANY, *[b""] * 4_000],
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_sound_record_spelt_another_way_is_refused(tmp_path, kind):
    path = tmp_path / "rows.tfrecord"
    path.write_bytes(b"".join(map(framed, FOREIGN[kind])))
    row = min(len(FOREIGN[kind]) - 1, 1)
    start = len(framed(FOREIGN[kind][0])) if row else 0
    with pytest.raises(InputError, match=rf"rows.tfrecord was written by something else: record {row}.* byte {start},"):
        read_tfrecord(path)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30) | st.just(GOOD), min_size=1, max_size=3))
def test_any_sound_records_are_read_or_refused(tmp_path_factory, payloads):
    path = tmp_path_factory.mktemp("shards") / "rows.tfrecord"
    path.write_bytes(b"".join(map(framed, payloads)))
    try:
        found = read_tfrecord(path)
    except InputError:
        assert any(payload != GOOD for payload in payloads)
    else:
        assert bytes(encode(found)) == path.read_bytes()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no column"),
        ({"a": np.arange(3), "b": np.arange(4)}, "'a' has 3, 'b' has 4"),
        ({"a": np.zeros((2, 2))}, r"'a' has shape \(2, 2\)"),
        ({"a": np.array(1)}, r"'a' has shape \(\)"),
        ({"a": np.array([True])}, "'a' is of bool"),
        ({"a": np.array(["x"])}, "'a' is of <U1"),
        ({"a": np.array([1.0], np.float16)}, "'a' is of float16"),
        ({"a": np.array([None])}, "'a' is of object"),
        ({"\ud800": np.array([1])}, "cannot be spelt in UTF-8"),
        ({"a": np.array([0, 2**63], np.uint64)}, "'a' holds 9223372036854775808"),
        ({"a": np.array([0, -1e300])}, r"'a' holds -1e\+300, beyond float32"),
    ],
)
def test_columns_that_cannot_be_written_are_refused_and_leave_nothing_behind(tmp_path, given, says):
    with pytest.raises(InputError, match=says):
        encode(given)
    with pytest.raises(InputError, match=says):
        write_tfrecord(tmp_path / "rows.tfrecord", given, block_rows=1)
    assert list(tmp_path.iterdir()) == []


def test_a_block_has_rows(tmp_path):
    with pytest.raises(InputError, match="0 rows at a time"):
        write_tfrecord(tmp_path / "rows.tfrecord", COLUMNS, block_rows=0)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.tfrecord cannot be read: No such file"):
        read_tfrecord(tmp_path / "none.tfrecord")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"rows\.tfrecord cannot be written: No such file"):
        write_tfrecord(tmp_path / "none" / "rows.tfrecord", COLUMNS)


@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_full_disk_leaves_what_was_there(tmp_path, before):
    path = tmp_path / "rows.tfrecord"
    if before is not None:
        path.write_bytes(before)
    encode(COLUMNS)  # compiled before the disk is full: the compiler keeps files too
    given = {"x": np.arange(20_000)}
    with no_file_larger_than(100_000), pytest.raises(InputError, match=r"rows\.tfrecord cannot be written: File too"):
        write_tfrecord(path, given, block_rows=1_000)
    assert list(tmp_path.iterdir()) == ([path] if before else [])
    assert not before or path.read_bytes() == before
    write_tfrecord(path, given)
    assert same(read_tfrecord(path)["x"], given["x"])


@pytest.mark.filterwarnings("default")
def test_tensorflow_reads_the_same(tmp_path):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed; it is no dependency")
    path, n_rows = tmp_path / "rows.tfrecord", 1_000
    rng = np.random.default_rng(0)
    given = {
        "user": rng.integers(-(2**63), 2**63 - 1, n_rows),
        "item": rng.integers(0, 300, n_rows),
        "label": rng.random(n_rows, np.float32),
    }
    write_tfrecord(path, given)
    kinds = {
        name: tf.io.FixedLenFeature([], tf.float32 if each.dtype.kind == "f" else tf.int64)
        for name, each in given.items()
    }
    [batch] = tf.data.TFRecordDataset(str(path)).batch(n_rows).map(lambda each: tf.io.parse_example(each, kinds))
    assert all(same(batch[name].numpy(), column) for name, column in given.items())
