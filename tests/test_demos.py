"""Every demo runs by itself, from beginning to end, and opens as a notebook."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMOS = sorted((Path(__file__).parents[1] / "demos").glob("[0-9]*.py"))
every_demo = pytest.mark.parametrize("demo", DEMOS, ids=lambda path: path.stem)


def cells_of(demo: Path) -> list[tuple[bool, str]]:
    """Give the cells as Jupytext does: whether it is text, and its lines."""
    parts = re.split(r"^# %%(.*)\n", demo.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert parts[0] == "", "there is something before the first cell"
    return [
        (kind.strip() == "[markdown]", lines)
        for kind, lines in zip(parts[1::2], parts[2::2], strict=True)
    ]


@every_demo
def test_demo_runs(demo: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", demo],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert len(run.stdout) < 10_000, "nobody reads that much"
    assert not list(tmp_path.iterdir()), "it leaves files behind"


@every_demo
def test_demo_is_a_notebook(demo: Path) -> None:
    cells = cells_of(demo)
    assert cells[0][0]
    assert cells[0][1].startswith("# # "), "it begins with its title"
    for is_text, lines in cells:
        if is_text:
            assert all(line.startswith("#") for line in lines.splitlines() if line), lines
        else:
            ast.parse(lines)  # a notebook runs it by itself


@pytest.mark.parametrize(
    ("number", "pictures"), [("01", ["E", "chain", "walk"]), ("02", ["E", "L"]), ("09", ["L"])]
)
def test_a_notebook_shows_what_a_cell_ends_with(number: str, pictures: list[str]) -> None:
    [demo] = [path for path in DEMOS if path.stem.startswith(number)]
    names: dict[str, object] = {}
    shown = []
    for is_text, lines in cells_of(demo):
        if is_text:
            continue
        exec(lines, names)
        last = ast.parse(lines).body[-1]
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Name):
            value = names[last.value.id]
            assert {"image/svg+xml", "text/html"} & value._repr_mimebundle_().keys()  # type: ignore[attr-defined]
            shown.append(last.value.id)
    assert shown == pictures
