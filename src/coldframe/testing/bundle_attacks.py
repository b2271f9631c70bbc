"""Ways to hand a reader a bundle it must refuse, each with the words its refusal has to contain.

Owns the table `ATTACKS` and the bundle they are tried on. Every attack is made as strong as it can be: what comes
before the point under test (hashes, sizes, the id) is made right again, so that only that point can refuse it.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldframe.bundle import manifest, npy
from coldframe.bundle.format import write_bundle
from coldframe.scoring.texts import encode_texts

Apply = Callable[[Path], Path]
Tree = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """`apply` takes the directory of a sound bundle, spoils it and returns where it lies now."""

    name: str
    says: str
    apply: Apply


def sound_bundle(root: Path) -> Path:
    """Write the bundle that the attacks are tried on: every kind of array, some empty, two alike in shape."""
    arrays = {
        "users": np.arange(12, dtype=np.float32).reshape(4, 3),
        "items": np.arange(12, 24, dtype=np.float32).reshape(4, 3),
        "counts": np.arange(5, dtype=np.int64),
        "mask": np.array([True, False, True]),
        "nothing": np.zeros((0, 3), dtype=np.float64),
        "scalar": np.array(0.5),
        **encode_texts("items.ids", ["a", "ü", "日本", ""]),
    }
    return root / write_bundle(root, arrays, {"seed": 7, "window": {"days": 90}, "metrics": {"ndcg@10": 0.25}})


def replace(path: Path, data: bytes) -> None:
    """Put other bytes into a file, read-only or not."""
    path.unlink()
    path.write_bytes(data)


def forge_manifest(bundle: Path, data: bytes) -> Path:
    """Give a bundle this manifest and the id that belongs to it; return where it lies now."""
    replace(bundle / manifest.FILE_NAME, data)
    return bundle.rename(bundle.with_name(manifest.bundle_id(data)))


def forge(bundle: Path, edit: Callable[[Tree], object]) -> Path:
    """Edit a bundle's manifest in canonical form, with the id that belongs to it; return where it lies now."""
    tree = json.loads((bundle / manifest.FILE_NAME).read_bytes())
    edit(tree)
    return forge_manifest(bundle, f"{json.dumps(tree, sort_keys=True, ensure_ascii=False, indent=1)}\n".encode())


def forge_file(bundle: Path, name: str, data: bytes, **entry: object) -> Path:
    """Give an array's file other bytes, with a manifest that has their size and hash; return where it lies now."""
    replace(bundle / f"{name}.npy", data)
    right = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **entry}
    return forge(bundle, lambda tree: tree["arrays"][name].update(right))


def _set(**fields: object) -> Apply:
    """Make an attack that changes fields of the manifest's entry of `users`."""
    return lambda bundle: forge(bundle, lambda tree: tree["arrays"]["users"].update(fields))


def _top(**fields: object) -> Apply:
    return lambda bundle: forge(bundle, lambda tree: tree.update(fields))


def _text(edit: Callable[[bytes], bytes]) -> Apply:
    return lambda bundle: forge_manifest(bundle, edit((bundle / manifest.FILE_NAME).read_bytes()))


def _bytes(name: str, edit: Callable[[bytes], bytes]) -> Apply:
    """Make an attack that changes a file and nothing else."""

    def apply(bundle: Path) -> Path:
        path = bundle / name
        replace(path, edit(path.read_bytes()))
        return bundle

    return apply


def _content(name: str, edit: Callable[[bytes], bytes], **entry: object) -> Apply:
    """Make an attack that changes an array's file and makes its hash (and `entry`) right."""
    return lambda bundle: forge_file(bundle, name, edit((bundle / f"{name}.npy").read_bytes()), **entry)


def _header(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[:128].replace(old, new).ljust(128)[:128] + data[128:]


def _after_header(data: bytes) -> Callable[[bytes], bytes]:
    return lambda file: file[: -len(data)] + data


def _do(*moves: Callable[[Path], object]) -> Apply:
    def apply(bundle: Path) -> Path:
        for move in moves:
            move(bundle)
        return bundle

    return apply


def _unlink(name: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).unlink()


def _swap(bundle: Path) -> None:
    users, items, aside = bundle / "users.npy", bundle / "items.npy", bundle / "aside"
    users.rename(aside)
    items.rename(users)
    aside.rename(items)


def _link(name: str) -> Callable[[Path], None]:
    """Put a link to the very same bytes in a file's place."""

    def move(bundle: Path) -> None:
        target = (bundle / name).rename(bundle.parent / "outside")
        (bundle / name).symlink_to(target.resolve())

    return move


def _link_directory(bundle: Path) -> Path:
    bundle.symlink_to(bundle.rename(bundle.with_name("elsewhere")).resolve())
    return bundle


def _rename_array(new: str) -> Apply:
    """Call an array by another name in the manifest."""
    file = {"file": f"{new}.npy"}
    return lambda bundle: forge(bundle, lambda tree: tree["arrays"].update({new: tree["arrays"].pop("users") | file}))


class _Touch:
    """What a pickle would run: leave a mark that a test can look for."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._mark),)


def mark_of(bundle: Path) -> Path:
    """Return the directory that appears when the pickle inside an attack is run."""
    return bundle.parent / "the-pickle-ran"


def _pickled(bundle: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([_Touch(mark_of(bundle))], dtype=object), allow_pickle=True)
    return file.getvalue()


def _pickle(**entry: object) -> Apply:
    return lambda bundle: forge_file(bundle, "users", _pickled(bundle), **entry)


def _pickle_as_bytes(bundle: Path) -> Path:
    """Declare the pickle as the plain bytes it has the size of."""
    data = _pickled(bundle)
    return forge_file(bundle, "users", data, dtype="uint8", shape=[len(data) - len(npy.header("uint8", (100,)))])


def _bomb(_: bytes) -> bytes:
    """Return an .npz whose one array unpacks to 64 MiB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.npy", bytes(64 << 20))
    return file.getvalue()


def _flip(position: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


_NAN = np.full((4, 3), np.nan, dtype="<f4").tobytes()
_LONG = b'{"format": "coldframe-bundle", "meta": {"x": "' + b"x" * manifest.MAX_BYTES + b'"}}'
_ESCAPES = {
    "a parent directory": "../users",
    "an absolute path": "/tmp/users",  # noqa: S108
    "a directory": "deep/users",
    "a hidden file": ".users",
    "capitals": "Users",
    "NUL": "users\0",
    "a newline": "users\n",
    "nothing": "",
    "101 characters": "u" * 101,
}

ATTACKS: tuple[Attack, ...] = (
    # code
    Attack("pickle, declared as objects", "'object', which is not allowed", _pickle(dtype="object", shape=[1])),
    Attack("pickle, declared as floats", "contradict", _pickle()),
    Attack("pickle, declared as bytes", "header of users.npy", _pickle_as_bytes),
    Attack("zip bomb", "contradict", _content("users", _bomb)),
    Attack("header that is an expression", "header of users.npy", _content("users", _header(b"(4, 3)", b"exit()"))),
    # paths
    *(Attack(f"name with {what}", "names an array", _rename_array(name)) for what, name in _ESCAPES.items()),
    Attack("file in a parent directory", "instead of users.npy", _set(file="../users.npy")),
    Attack("file at an absolute path", "instead of users.npy", _set(file="/etc/passwd")),
    Attack("file of another array", "instead of users.npy", _set(file="items.npy")),
    Attack("array behind a link", "users.npy is not a plain file", _do(_link("users.npy"))),
    Attack("manifest behind a link", "manifest.json is not a plain file", _do(_link("manifest.json"))),
    Attack("bundle behind a link", "not a directory", _link_directory),
    Attack("pipe", "not a plain file", _do(_unlink("users.npy"), lambda b: os.mkfifo(b / "users.npy"))),
    Attack("directory", "not a plain file", _do(_unlink("users.npy"), lambda b: (b / "users.npy").mkdir())),
    # files
    Attack("missing array", "users.npy is missing", _do(_unlink("users.npy"))),
    Attack("missing manifest", "cannot be read", _do(_unlink("manifest.json"))),
    Attack("extra file", "does not belong", _do(lambda b: (b / "more.npy").write_bytes(b""))),
    Attack("extra directory", "does not belong", _do(lambda b: (b / "code").mkdir())),
    Attack("extra program", "does not belong", _do(lambda b: (b / "__init__.py").write_text("exit()"))),
    Attack("truncated by a byte", "175 bytes instead of 176", _bytes("users.npy", lambda data: data[:-1])),
    Attack("cut to its header", "128 bytes instead of 176", _bytes("users.npy", lambda data: data[:128])),
    Attack("emptied", "0 bytes instead of 176", _bytes("users.npy", lambda _: b"")),
    Attack("grown by a byte", "177 bytes instead of 176", _bytes("users.npy", lambda data: data + b"\0")),
    Attack("bit flipped in data", "users.npy does not have the content", _bytes("users.npy", _flip(150))),
    Attack("bit flipped in a header", "header of users.npy", _bytes("users.npy", _flip(20))),
    Attack("bit flipped in the manifest", "no longer agree", _bytes("manifest.json", _flip(40))),
    Attack("emptied manifest", "no longer agree", _bytes("manifest.json", lambda _: b"")),
    Attack("two arrays swapped", "items.npy does not have the content", _do(_swap)),
    Attack("renamed", "no longer agree", lambda b: b.rename(b.with_name("v1-0123456789abcdef"))),
    Attack("renamed to a word", "not a bundle's name", lambda b: b.rename(b.with_name("latest"))),
    # headers
    Attack("header bomb", "header of users.npy", _content("users", _header(b"(4, 3)", b"(4000000000000,)"))),
    Attack("endless header", "header of users.npy", _content("users", _header(b"\x76\x00", b"\xff\xff"))),
    Attack("header of version 3", "header of users.npy", _content("users", _header(b"\x01\x00", b"\x03\x00"))),
    Attack("Fortran order", "header of users.npy", _content("users", _header(b"False", b"True"))),
    Attack("big-endian", "header of users.npy", _content("users", _header(b"<f4", b">f4"))),
    Attack("transposed", "header of users.npy", _content("users", _header(b"(4, 3)", b"(3, 4)"))),
    # what the manifest declares
    Attack("same bytes, other shape", "header of users.npy", _set(shape=[3, 4])),
    Attack("same bytes, wider dtype", "header of users.npy", _set(dtype="float64", shape=[2, 3])),
    Attack("NumPy's own dtype name", "not allowed", _set(dtype="<f4")),
    Attack("complex numbers", "not allowed", _set(dtype="complex64")),
    Attack("wrong size", "contradict", _set(bytes=177)),
    Attack("exabytes, size to match", "bytes instead of", _set(shape=[2**57], bytes=128 + 2**59)),
    Attack("exabytes, small size", "contradict", _set(shape=[2**60] * 8)),
    Attack("negative shape", "not a manifest", _set(shape=[-4, -3])),
    Attack("shape beyond 64 bits", "not a manifest", _set(shape=[2**64])),
    Attack("shape of halves", "not a manifest", _set(shape=[4.5])),
    Attack("shape of booleans", "not a manifest", _set(shape=[True, 12])),
    Attack("shape as text", "not a manifest", _set(shape="(4, 3)")),
    Attack("nine dimensions", "not a manifest", _set(shape=[1] * 9)),
    Attack("hash in capitals", "not a manifest", _set(sha256="A" * 64)),
    Attack("hash too short", "not a manifest", _set(sha256="a" * 63)),
    Attack("other hash", "does not have the content", _set(sha256="a" * 64)),
    Attack("unknown field of an array", "not a manifest", _set(pickle=True)),
    Attack("unknown field", "not a manifest", _top(code="print()")),
    Attack("arrays as a list", "not a manifest", _top(arrays=[])),
    Attack("meta as a list", "not a manifest", _top(meta=[])),
    Attack("undeclared file", "does not belong", lambda b: forge(b, lambda tree: tree["arrays"].pop("users"))),
    Attack("newer format", "format version 2", _top(version=2)),
    Attack("newer format by name", "format version 2", lambda b: b.rename(b.with_name(f"v2{b.name[2:]}"))),
    Attack("version as text", "not a manifest", _top(version="1")),
    Attack("other format", "does not name the format", _top(format="safetensors")),
    # values
    Attack("NaN declared finite", "NaN or infinity", _content("users", _after_header(_NAN))),
    Attack("infinity in a scalar", "NaN", _content("scalar", _after_header(np.array(np.inf, dtype="<f8").tobytes()))),
    Attack("a boolean of 2", "other than 0 and 1", _content("mask", _after_header(b"\2"))),
    # JSON
    Attack("no JSON", "not a manifest", _text(lambda _: b"users")),
    Attack("a list", "does not name the format", _text(lambda _: b"[]\n")),
    Attack("a key twice", "twice", _text(lambda d: d.replace(b'"seed": 7', b'"seed": 7,\n  "seed": 7'))),
    Attack("an array twice", "twice", _text(lambda d: d.replace(b'"items": {', b'"users": {'))),
    Attack("NaN", "NaN is not JSON", _text(lambda d: d.replace(b"0.25", b"NaN"))),
    Attack("infinity", "Infinity is not JSON", _text(lambda d: d.replace(b"0.25", b"-Infinity"))),
    Attack("a number beyond floats", "too large", _text(lambda d: d.replace(b"0.25", b"1e999"))),
    Attack("a million digits", "not a manifest", _text(lambda d: d.replace(b"0.25", b"9" * 1_000_000))),
    Attack("deep nesting", "not a manifest", _text(lambda d: d.replace(b"0.25", b"[" * 200_000 + b"]" * 200_000))),
    Attack("bad UTF-8", "not a manifest", _text(lambda d: d.replace(b"ndcg", b"\xff\xfe"))),
    Attack("lone surrogate", "not a manifest", _text(lambda d: d.replace(b"ndcg", rb"\ud800"))),
    Attack("byte order mark", "not a manifest", _text(lambda d: b"\xef\xbb\xbf" + d)),
    Attack("something after it", "not a manifest", _text(lambda d: d + b"{}")),
    Attack("spaces after it", "canonical", _text(lambda d: d + b" ")),
    Attack("other indentation", "canonical", _text(lambda d: d.replace(b"\n ", b"\n"))),
    Attack("escaped letters", "canonical", _text(lambda d: d.replace(b"ndcg", rb"n\u0064cg"))),
    Attack("longer than 16 MiB", "more than", _text(lambda _: _LONG)),
)
