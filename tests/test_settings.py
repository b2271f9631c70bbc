"""Settings: order of authority, refusals that name the thing, a file that documents and changes nothing."""

import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.errors import SettingsError
from coldframe.settings import Settings, as_dict, describe, documented_toml, load, toml_value, with_value
from coldframe.settings.toml import accepted_values, section_titles


def uncommented(text: str) -> str:
    return "\n".join(
        line.removeprefix("#") if line[:1] == "#" and line[:2] != "# " else line for line in text.split("\n")
    )


def test_documented_toml_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "coldframe.toml"
    path.write_text(documented_toml(), encoding="utf-8")
    assert load(path, environment={}) == Settings()
    assert all(table == {} for table in tomllib.loads(documented_toml()).values())


def test_documented_toml_holds_every_default() -> None:
    assert tomllib.loads(uncommented(documented_toml())) == as_dict(Settings())


@pytest.mark.parametrize("info", list(describe()), ids=lambda info: info.name)
def test_every_setting_is_explained_and_its_default_is_accepted(info) -> None:
    assert info.reason.endswith(".")
    assert accepted_values(info)
    assert f"# {info.reason.split()[0]}" in documented_toml()
    assert with_value(Settings(), info.name, info.default) == Settings()


@pytest.mark.parametrize("info", [info for info in describe() if info.low is not None], ids=lambda info: info.name)
def test_bounds_are_inclusive_and_the_next_value_is_refused(info) -> None:
    wrap = (lambda number: {"view": number}) if isinstance(info.default, dict) else (lambda number: number)
    for edge, beyond in ((info.low, info.low - 1), (info.high, info.high + 1)):
        with_value(Settings(), info.name, wrap(edge))
        with pytest.raises(SettingsError, match=info.name):
            with_value(Settings(), info.name, wrap(beyond))


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    path = tmp_path / "coldframe.toml"
    path.write_text("[window]\ndays = 10\n", encoding="utf-8")
    environment = {"COLDFRAME_WINDOW__DAYS": "20"}
    assert load(path, environment={}).window.days == 10
    assert load(path, environment=environment).window.days == 20
    assert load(path, environment=environment, flags={"window.days": "30"}).window.days == 30


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"window.dys": "3"}, "Did you mean 'window.days'"),
        ({"nonsense": "3"}, "no setting is called 'nonsense'"),
        ({"window.days": "soon"}, "window.days = 'soon'"),
        ({"window.days": "0"}, "out of bounds"),
        ({"window.days": "2.5"}, "window.days = 2.5"),
        ({"window.days": "true"}, "window.days = True"),
        ({"mixer.dropout": "nan"}, "out of bounds"),
        ({"events.weights": "{view = 99}"}, "out of bounds"),
        ({"recommend.repeat": "sometimes"}, "recommend.repeat = 'sometimes'"),
    ],
)
def test_a_refusal_names_the_setting_and_the_way_out(flags: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment={}, flags=flags)
    assert words in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["1234", "true", '"quoted"', "2024-01-01", "a = b"])
def test_text_settings_take_the_text_as_it_stands(text: str) -> None:
    assert load(environment={"COLDFRAME_SERVING__API_KEY": text}).serving.api_key == text


def test_a_secret_is_taken_from_no_file_and_written_into_none(tmp_path: Path) -> None:
    path = tmp_path / "coldframe.toml"
    path.write_text("[serving]\napi_key = 'a-long-and-secret-key'\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="COLDFRAME_SERVING__API_KEY"):
        load(path, environment={})
    settings = load(environment={"COLDFRAME_SERVING__API_KEY": "a-long-and-secret-key"})
    assert "a-long-and-secret-key" not in str(as_dict(settings))
    assert "COLDFRAME_SERVING__API_KEY" in documented_toml()


def test_lists_and_maps_from_flags_are_toml() -> None:
    settings = load(environment={}, flags={"events.conversions": '["lease"]', "events.weights": "{lease = 2}"})
    assert settings.events.conversions == ["lease"]
    assert settings.events.weights == {"lease": 2.0}


@pytest.mark.parametrize("text", ["window = 3", "[window", "[window]\ndays = 'x'", "[windows]\ndays = 3"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "coldframe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"coldframe\.toml"):
        load(path, environment={})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "coldframe.toml", environment={})


toml_leaves = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(codec="utf-8")),
)
toml_values = st.recursive(toml_leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text("aB-_ é.\"'"), inner))


@given(toml_values)
def test_toml_value_reads_back(value: object) -> None:
    back = tomllib.loads(f"value = {toml_value(value)}")["value"]
    assert repr(back) == repr(value) or (isinstance(value, float) and math.isnan(value))


def test_every_section_says_what_it_is_for() -> None:
    assert list(section_titles()) == list(as_dict(Settings()))
    assert all(title.endswith(".") for title in section_titles().values())
