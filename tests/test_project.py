"""The rules of the project that no other tool keeps."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import coldframe
from coldframe import errors

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "src").rglob("*.py"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 60

# Spelt in pieces, so that this file does not hold what it forbids.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "conda" + ".anaconda.org"]
HOMES = "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"])
FORBIDDEN = re.compile("|".join([re.escape(host) for host in HOSTS] + [rf"(?<![\w.)\]}}/])/(?:{HOMES})/\w"]).encode())


def name_of(path):
    return str(path.relative_to(ROOT))


def tracked_files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of the project's files")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_file_names_a_package_registry_or_a_place_on_one_machine():
    texts = ((path, path.read_bytes()) for path in tracked_files() if path.is_file())
    found = {name_of(path): match[0] for path, text in texts if b"\0" not in text and (match := FORBIDDEN.search(text))}
    assert found == {}


@pytest.mark.parametrize("line", ["see /" + "home/ann/x", "'/" + "work/x'", "at files." + HOSTS[1], "(/" + "root/x)"])
def test_the_search_finds_what_it_is_for(line):
    assert FORBIDDEN.search(line.encode())


@pytest.mark.parametrize("line", ["GET /v1/users/7", "https://example.org/work/x", "network/root/x", "{home}/work/x"])
def test_the_search_leaves_the_rest_alone(line):
    assert not FORBIDDEN.search(line.encode())


def requirements(path):
    """Each requirement of a lock file: its name and the text that belongs to it."""
    text = re.sub(r"^\s*#.*\n?", "", path.read_text(), flags=re.MULTILINE)
    return {entry.split("==")[0]: entry for entry in re.split(r"\n(?=\S)", text.strip())}


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
def test_requirements_are_pinned_and_hashed_and_hold_no_address(path):
    assert "://" not in path.read_text()
    for name, entry in requirements(path).items():
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\(\s+--hash=sha256:[0-9a-f]{64}( \\)?)+", entry), name


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
def test_nothing_needs_torch_or_a_framework_like_it(path):
    names = {re.split("[-_]", name)[0] for name in requirements(path)}
    assert not names & {"torch", "torchvision", "tensorflow", "keras", "nvidia"}


def test_the_demo_installs_a_part_of_what_the_tests_install():
    train, dev = (
        set(re.findall(r"^\S+==\S+", (ROOT / f"requirements/{n}.txt").read_text(), re.M)) for n in ("train", "dev")
    )
    assert train < dev


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *extras["train"], *extras["test"], *extras["dev"]]
    names = {re.match(r"[A-Za-z0-9_-]+", entry)[0].lower() for entry in wanted} - {"coldframe"}
    assert names <= set(requirements(ROOT / "requirements/dev.txt"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_and_keeps_its_size(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert path.stem not in {"utils", "helpers", "manager", "common", "misc"}
    assert len(text.splitlines()) <= MAX_FILE_LINES
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("path", [p for p in MODULES if p.name != "clock.py"], ids=name_of)
def test_only_the_clock_knows_what_time_it_is(path):
    asks = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not asks & {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def modules():
    return [coldframe.__name__, *(found.name for found in pkgutil.walk_packages(coldframe.__path__, "coldframe."))]


@pytest.mark.parametrize("name", [name for name in modules() if not name.endswith("__main__")])
def test_exported_names_exist_and_say_where_they_belong(name):
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])
    assert len(set(exported)) == len(exported)
    for each in exported:
        assert getattr(module, each) is not None


def drawn_tree():
    """The exception tree as the docstring of `errors` draws it: (depth, name, code, meaning) of each line."""
    line = re.compile(r"^    ([│├└─ ]*)(\w+Error) +(\S+)(?: +(.*))?$")
    found = [line.match(each) for each in errors.__doc__.splitlines()]
    return [(len(m[1]) // 4, m[2], m[3].strip(","), m[4]) for m in found if m]


def real_tree(kind=errors.ColdframeError, depth=0):
    """The exception classes of `errors` in the order they are defined, with their depth."""
    yield depth, kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from real_tree(child, depth + 1)


def test_the_exception_tree_is_as_drawn():
    drawn, real = drawn_tree(), list(real_tree())
    assert [(depth, name) for depth, name, _, _ in drawn] == [(depth, kind.__name__) for depth, kind in real]
    assert [code for _, _, code, _ in drawn[1:]] == [kind.code for _, kind in real[1:]]
    assert {kind for _, kind in inspect.getmembers(errors, inspect.isclass)} == {kind for _, kind in real}


def test_every_error_has_a_code_of_its_own_and_an_exit_code_of_its_branch():
    kinds = [kind for _, kind in real_tree()]
    assert len({kind.code for kind in kinds}) == len(kinds)
    branches = [kind for depth, kind in real_tree() if depth <= 1]
    assert len({kind.exit_code for kind in branches}) == len(branches)
    assert all(kind.exit_code not in (0, 2) and 400 <= kind.http_status < 600 for kind in kinds)
    for _, kind in real_tree():
        assert (
            all(child.exit_code == kind.exit_code for child in kind.__subclasses__()) or kind is errors.ColdframeError
        )


def test_an_error_says_what_and_what_next():
    assert str(errors.BundleError("It broke.", remedy="Mend it.")) == "It broke. Mend it."
    assert str(errors.BundleError("It broke.")) == "It broke."


def test_make_lists_its_targets_and_the_pages_name_no_other():
    text = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert listed == set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
    assert listed >= {"help", "demo", "test", "check", "bench"}
    pages = "".join(path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    assert set(re.findall(r"\bmake ([a-z-]+)`", pages)) <= listed


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=name_of)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
