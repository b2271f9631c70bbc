"""The file of keys: what it holds, who may write it, and how soon a running service knows."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.clock import fixed_clock
from coldframe.errors import AccessError, UnknownIdError
from coldframe.serving.access import Access
from coldframe.serving.key_file import KeyFile, WatchedKeys
from coldframe.serving.keys import KeyRing, bearer, new_key
from coldframe.serving.problems import RefusedError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCK = fixed_clock(NOW)


class Timer:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_token_opens_its_own_key_alone():
    made = [new_key(f"k{number}", ["events:write"], now=NOW) for number in range(20)]
    ring = KeyRing(each.key for each in made)
    assert [ring.holder(each.token).name for each in made] == [each.key.name for each in made]
    assert len({each.token for each in made}) == len({each.key.id for each in made}) == 20
    head, tail = made[0].token[:12], made[1].token[12:]
    assert ring.holder(head + tail) is None


@given(st.text())
def test_no_text_opens(text):
    made = new_key("k", ["admin"], now=NOW)
    ring = KeyRing([made.key])
    assert ring.holder(text) is None
    assert ring.holder(f"cf_{made.key.id}_{text}") is None
    assert isinstance(bearer(text), str)


def test_admin_may_everything_and_others_what_they_have():
    admin, both = (
        new_key("k", scopes, now=NOW).key for scopes in (["admin"], ["recommendations:read", "events:write"])
    )
    assert both.scopes == ("events:write", "recommendations:read")
    assert all(admin.may(scope) for scope in ("admin", "events:write", "recommendations:read"))
    assert [both.may(scope) for scope in ("admin", "events:write", "recommendations:read")] == [False, True, True]


def test_the_file_keeps_hashes_for_its_owner_alone(tmp_path: Path):
    umask = os.umask(0)
    try:
        made = KeyFile(tmp_path).create("shop", ["events:write"], clock=CLOCK)
    finally:
        os.umask(umask)
    path = tmp_path / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = made.token.split("_", 2)[2]
    assert secret not in path.read_text()
    assert KeyFile(tmp_path).read() == [made.key]


def test_revoking_is_kept_and_says_when(tmp_path: Path):
    file = KeyFile(tmp_path)
    made = file.create("shop", ["events:write"], clock=CLOCK)
    assert file.revoke(made.key.id, clock=CLOCK).revoked_at == NOW
    assert file.revoke(made.key.id, clock=fixed_clock(NOW.replace(year=2027))).revoked_at == NOW
    assert KeyRing(file.read()).holder(made.token) is None
    with pytest.raises(UnknownIdError, match="nothing"):
        file.revoke("nothing", clock=CLOCK)


def test_many_writers_lose_no_key(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: KeyFile(tmp_path).create(str(n), ["admin"], clock=CLOCK), range(24)))
    assert {key.id for key in KeyFile(tmp_path).read()} == {each.key.id for each in made}


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"keys": [{"id": "x"}]}', b'{"keys": []', b"\xff"])
def test_a_broken_file_is_told_and_opens_nothing(tmp_path: Path, content: bytes):
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(AccessError, match=r"keys\.json"):
        Access.of(_settings(), tmp_path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int):
    KeyFile(tmp_path).create("shop", ["admin"], clock=CLOCK)
    (tmp_path / "keys.json").chmod(mode)
    with pytest.raises(AccessError, match="others may write"):
        KeyFile(tmp_path).read()


def test_a_running_service_knows_within_a_second(tmp_path: Path):
    file, timer = KeyFile(tmp_path), Timer()
    access = Access(WatchedKeys(file, None, timer=timer), loopback=True)
    assert access.caller("/v1/models", "") is None
    made = file.create("shop", ["admin"], clock=CLOCK)
    timer.now += 0.9
    assert _refused(access, "")
    assert access.caller("/v1/models", f"Bearer {made.token}") == made.key
    file.revoke(made.key.id, clock=CLOCK)
    timer.now += 0.9
    assert _refused(access, f"Bearer {made.token}")


def test_what_was_closed_once_stays_closed(tmp_path: Path):
    file, timer = KeyFile(tmp_path), Timer()
    file.create("shop", ["admin"], clock=CLOCK)
    access = Access(WatchedKeys(file, None, timer=timer), loopback=True)
    file.path.unlink()
    timer.now += 1
    assert _refused(access, "")


def test_a_file_that_breaks_keeps_the_keys(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    file, timer = KeyFile(tmp_path), Timer()
    made = file.create("shop", ["admin"], clock=CLOCK)
    access = Access(WatchedKeys(file, None, timer=timer), loopback=True)
    file.path.write_text("broken")
    for _ in range(3):
        timer.now += 1
        assert access.caller("/v1/models", f"Bearer {made.token}") == made.key
    assert caplog.text.count("the keys stay as they were") == 1


def _settings():
    from coldframe.settings import ServingSettings

    return ServingSettings()


def _refused(access: Access, authorization: str) -> bool:
    with pytest.raises(RefusedError) as refusal:
        access.caller("/v1/models", authorization)
    return refusal.value.problem.status == 401
