"""The docs cannot lie: both pages are what the program writes, and every command explains itself."""

import re
from pathlib import Path

import pytest
import typer.main

from coldframe.cli import app
from coldframe.cli.docs import cli_page, commands, exit_codes, main, settings_page
from coldframe.errors import ColdframeError
from coldframe.settings import describe

ROOT = Path(__file__).parents[2]
ALL_COMMANDS = dict(commands(typer.main.get_command(app)))
REFRESH = "run `python -m coldframe.cli.docs docs`"


def test_docs_cli_is_what_the_program_writes() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_page(), REFRESH


def test_docs_settings_is_what_the_program_writes() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page(), REFRESH


def test_main_writes_both_pages(tmp_path: Path) -> None:
    main(tmp_path / "docs")
    assert (tmp_path / "docs" / "cli.md").read_text(encoding="utf-8") == cli_page()
    assert (tmp_path / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_command_shows_an_example_that_names_it(name: str) -> None:
    assert f"Example: `{name}" in (ALL_COMMANDS[name].help or "")


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_option_is_explained_and_named_on_the_page(name: str) -> None:
    page = cli_page()
    section = page[page.index(f"## {name}\n") :].split("\n## ")[0]
    for parameter in ALL_COMMANDS[name].params:
        assert parameter.help, parameter.name
        if parameter.param_type_name == "option":
            assert parameter.is_flag or parameter.metavar, f"{parameter.name} needs a metavar"
            assert all(f"`{switch}`" in section for switch in [*parameter.opts, *parameter.secondary_opts])


@pytest.mark.parametrize("name", [name for name in ALL_COMMANDS if name not in ("coldframe serve", "coldframe demo")])
def test_every_command_with_a_result_takes_json(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in ALL_COMMANDS[name].params)


def test_every_setting_is_on_the_page() -> None:
    page = settings_page()
    assert all(f"| `{info.name}` |" in page for info in describe())


def test_every_exit_code_is_on_the_page() -> None:
    assert all(re.search(rf"^\| {code} \| .+ \|$", cli_page(), re.MULTILINE) for code in exit_codes())
    assert {error.exit_code for error in ColdframeError.__subclasses__()} <= set(exit_codes())


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_commands_in_prose_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    mentioned = re.findall(r"^coldframe ((?:models )?[a-z]+)(?: [^\n]*(?:\\\n[^\n]*)*)?$", text, re.MULTILINE)
    assert mentioned
    assert {f"coldframe {name}" for name in mentioned} <= set(ALL_COMMANDS)


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "docs/quickstart.md", "docs/cli.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"(?<!!)\[[^\]]+\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    missing = [target for target in targets if not ((ROOT / page).parent / target).exists()]
    assert missing == []
