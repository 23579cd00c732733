"""The house stands as ``docs/architecture.md`` draws it: read from the imports, nothing is run."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tinygrad_hw"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_MODULES, MOST_LINES = 10, 400


def floors_of(picture: str) -> tuple[set[str], ...]:
    """Read a drawing of boxes: the places on each floor, the lowest floor first."""
    lines = [line.rpartition("│")[0] for line in picture.splitlines() if line.startswith("│")]
    return tuple({cell.strip() for cell in line.split("│") if cell.strip()} for line in lines[::-1])


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")
HOUSE, *INSIDE = [
    floors_of(text) for text in re.findall(r"^```text\n(┌.*?)^```", ARCHITECTURE, re.M | re.S)
]
WITHIN = dict(zip(re.findall(r"^\*\*(\w+)\*\*:", ARCHITECTURE, re.M), INSIDE, strict=True))
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Return what a file imports of the package: at its top, in functions, for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in NAMES else str(node.module))
    return frozenset(name for name in found if name.split(".")[0] == "tinygrad_hw")


def circles() -> Iterator[list[str]]:
    """Find the modules that import each other, over however many steps: Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> Iterator[list[str]]:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(imports_of(NAMES[module])):
            if other not in index:
                yield from visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            circle = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(circle) > 1 or module in imports_of(NAMES[module]):
                yield sorted(circle)

    for module in NAMES:
        if module not in index:
            yield from visit(module)


def floor_of(place: str, floors: tuple[set[str], ...]) -> int:
    found = [floor for floor, places in enumerate(floors) if (place or "__init__") in places]
    assert len(found) == 1, f"{place} is drawn {len(found)} times"
    return found[0]


def test_every_import_is_of_a_module_that_exists() -> None:
    assert not {name for path in MODULES for name in imports_of(path)} - NAMES.keys()


def test_no_folder_has_more_than_ten_modules() -> None:
    for folder in {path.parent for path in MODULES}:
        modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MOST_MODULES, f"{folder}: {modules}"


def test_every_folder_of_modules_is_a_package_and_so_installed():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert len(folders) > 30
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_longer_than_one_can_read(path: Path) -> None:
    lines = path.read_text("utf-8").count("\n")
    assert lines <= MOST_LINES


def test_no_modules_import_each_other() -> None:
    assert list(circles()) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_between_rooms_point_down(path: Path) -> None:
    own = name_of(path).split(".")[1:2]
    if own in ([], ["__main__"]):
        return  # the package's own: what it gives out is the rooms'
    for name in imports_of(path):
        other = name.split(".")[1:2]
        if other and other != own:
            assert floor_of(other[0], HOUSE) < floor_of(own[0], HOUSE), f"imports {name}"


@pytest.mark.parametrize("room", WITHIN)
def test_arrows_inside_a_room_point_down(room: str) -> None:
    start = f"tinygrad_hw.{room}"
    for name, path in NAMES.items():
        if not name.startswith(start):
            continue
        own = name.removeprefix(start).strip(".").split(".")[0]
        for imported in imports_of(path):
            if imported.split(".")[1:2] == [room]:
                other = imported.removeprefix(start).strip(".").split(".")[0]
                if own != other:
                    below, above = floor_of(other, WITHIN[room]), floor_of(own, WITHIN[room])
                    assert below <= above, f"{name} imports {imported}"


def test_the_core_of_the_engine_stands_on_numpy_alone() -> None:
    for path in (PACKAGE / "engine/core").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tinygrad_hw"):
                assert str(node.module).startswith("tinygrad_hw.engine.core"), path


# --- What a room gives out ------------------------------------------------------------------------


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_a_room_gives_out_just_what_it_says(room: str) -> None:
    module = importlib.import_module(f"tinygrad_hw.{room}".rstrip("."))
    names = list(module.__all__)
    assert names == sorted(set(names), key=ruff_order)
    for name in names:
        thing = getattr(module, name)
        assert name in dir(module)
        if callable(thing) and not hasattr(thing, "__origin__"):
            assert thing.__doc__, f"{name} says nothing of itself"
    given_out = {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and str(getattr(thing, "__module__", "")).startswith("tinygrad_hw")
    }
    assert given_out <= set(names)


def ruff_order(name: str) -> tuple[int, str]:
    """Return the place of a name in ``__all__`` as the linter sorts: constants, classes, rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


PUBLIC = {"tinygrad_hw", *(f"tinygrad_hw.{room}" for room in ROOMS)}
PUBLIC |= {name for name in NAMES if re.fullmatch(r"tinygrad_hw\.nn\.\w+", name)}  # as in Keras
PUBLIC |= {"tinygrad_hw.micrograd.engine", "tinygrad_hw.micrograd.nn"}  # as in micrograd
SHOWN = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "demos").glob("*.py")),
]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_what_people_copy_imports_from_rooms_alone(path: Path) -> None:
    text = path.read_text("utf-8")
    imported = re.findall(r"^\s*from (tinygrad_hw[\w.]*) import \(?([^)\n]*|[^)]*\))", text, re.M)
    imported += [(name, "") for name in re.findall(r"^\s*import (tinygrad_hw[\w.]*)", text, re.M)]
    for module, names in imported:
        assert module in PUBLIC, f"{module} is a room's own affair"
        public = set(getattr(importlib.import_module(module), "__all__", ())) | {"__version__"}
        if module.count(".") < 2:
            for name in re.findall(r"(\w+)(?: as \w+)?", names):
                assert name in public, f"{module} does not give out {name}"


def test_the_core_is_read_in_an_evening() -> None:
    files = (PACKAGE / "engine/core").glob("*.py")
    assert sum(path.read_text("utf-8").count("\n") for path in files) <= 1700


def test_nobody_speaks_of_tapes() -> None:
    for room in ("engine", "explain"):
        for path in (PACKAGE / room).rglob("*.py"):
            text = path.read_text("utf-8")
            assert not re.search("tape|Traced", text), path
