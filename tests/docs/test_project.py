"""What is said about the project in several places is the same in all of them."""

import ast
import configparser
import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import tinygrad_hw

ROOT = Path(__file__).parents[2]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", "utf-8")
PAGES = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS = [
    ROOT / ".ci/run",
    *(
        ROOT / "scripts" / name
        for name in ("test", "lint", "docs", "against_keras", "against_course_systems")
    ),
]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_version_stands_in_one_place() -> None:
    assert SETUP["metadata"]["version"] == "attr: tinygrad_hw.__version__"
    tree = ast.parse(read("tinygrad_hw/__init__.py"))
    found = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "__version__"
        and isinstance(node.value, ast.Constant)  # read without importing anything
    ]
    assert found == [tinygrad_hw.__version__]


def test_the_citation_and_the_changelog_know_the_version() -> None:
    assert f"\nversion: {tinygrad_hw.__version__}\n" in read("CITATION.cff")
    assert f"({tinygrad_hw.__version__})" in read("CHANGELOG.md") or (
        f"## {tinygrad_hw.__version__}" in read("CHANGELOG.md")
    )


def test_the_pythons_agree() -> None:
    classifiers = SETUP["metadata"]["classifiers"]
    versions = re.findall(r"Python :: (3\.\d+)", classifiers)
    assert SETUP["options"]["python_requires"] == f">={versions[0]}"
    oldest = versions[0].replace(".", "")
    assert tomllib.loads(read("pyproject.toml"))["tool"]["ruff"]["target-version"] == f"py{oldest}"
    named = re.search(r"You need Python (.*?) with pip", read("docs/start.md"))
    assert named
    assert re.findall(r"3\.\d+", named[1]) == versions


def test_every_extra_is_on_the_start_page() -> None:
    extras = set(SETUP["options.extras_require"])
    assert set(re.findall(r"pip install (?:-e )?'\.\[(\w+)\]'", read("docs/start.md"))) == extras


def test_every_room_is_in_the_reference() -> None:
    listed = re.findall(r"^   (tinygrad_hw[.\w]*)$", read("docs/reference/index.rst"), re.M)
    rooms = {
        f"tinygrad_hw.{path.parent.name}" for path in (ROOT / "tinygrad_hw").glob("*/__init__.py")
    }
    assert {*listed} == rooms | {"tinygrad_hw"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)


def test_files_that_contributing_names_are_there() -> None:
    text = read("CONTRIBUTING.md")
    for name in re.findall(r"(?:tinygrad_hw|tests|docs|scripts|\.ci)/[\w./-]*\w", text):
        if name != "docs/index.html" and "build/" + name not in text:
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", ["CHANGELOG.md", "CONTRIBUTING.md"])
def test_links_to_files(page: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)", read(page)):
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_the_reference_can_import_what_it_names() -> None:
    for name in re.findall(r"\{py:obj\}`~?([\w.]+)`", " ".join(map(read, PAGES))):
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name
