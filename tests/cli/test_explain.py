"""The verbs that explain a sheet: solve, draw, page and program."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


def test_solve_prints_and_gives_json(run: Run) -> None:
    status, out, error = run("solve", "q1a")
    assert (status, error) == (0, "")
    assert "∂E/∂w7 = ∂E/∂a4 · ∂a4/∂z4 · ∂z4/∂w7" in out
    status, out, _ = run("solve", "q1b", "--json")
    solved = json.loads(out)
    assert solved["updated"]["w1"] == 0.5
    assert solved["partials"].keys() == {f"dE/d{p}" for p in solved["updated"]}


def test_a_file_goes_before_a_shipped_sheet_of_that_name(run: Run, sheet: str) -> None:
    Path("q1a").write_text(sheet.format("w*x"))
    assert json.loads(run("solve", "q1a", "--json")[1])["forward"] == {"z": 1.0}


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("w*v", "line 7: z uses 'v', which is nowhere defined"),
        ("z + w", "line 7: z is defined by itself: a loop"),
        ("w/(x - 2)", "line 7: z = 'w/(x - 2)' is inf: a division by zero"),
        ("(x - 2)/(x - 2)", "is nan: a division by zero"),
        ("(" * 10**5 + "w" + ")" * 10**5, "line 7: z is 200,001 characters long"),
        ("__import__('os').system('ls')", "line 7: z uses"),
        ("9**9**9*w", "is inf: a division by zero"),
    ],
)
@pytest.mark.parametrize("verb", [["solve"], ["draw", "-o", "g.svg"]])
def test_a_bad_sheet_is_one_line(
    run: Run, verb: list[str], formula: str, reason: str, sheet: str
) -> None:
    Path("s.toml").write_text(sheet.format(formula))
    status, out, error = run(*verb, "s.toml")
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: s.toml")
    assert reason in error
    assert error.count("\n") == 1
    assert not Path("g.svg").exists()


def test_draw_writes_an_svg(run: Run) -> None:
    for extra in ([], ["--scalar"]):
        status, out, error = run("draw", "q1a", "-o", "g.svg", *extra)
        assert (status, out, error) == (0, "Picture: g.svg\n", "")
        assert ElementTree.parse("g.svg").getroot().tag.endswith("svg")


def test_program_prints_a_sheet_as_a_program(run: Run) -> None:
    status, out, error = run("program", "q1a")
    assert (status, error) == (0, "")
    compile(out, "program", "exec")
    assert "\n    dE_dz4 = dE_da4 * da4_dz4\n" in out
    status, out, _ = run("program", "q1a", "--js")
    assert status == 0
    assert "\nfunction sheet({ x1, x2, " in out


def test_program_says_what_is_wrong_with_a_sheet_in_one_line(run: Run, sheet: str) -> None:
    Path("s.toml").write_text(sheet.format("1/w"))
    Path("s.toml").write_text(Path("s.toml").read_text().replace("w = 0.5", "w = 0"))
    status, out, error = run("program", "s.toml")
    assert (status, out) == (2, "")
    assert error.count("\n") == 1
    assert error.startswith("tinygrad-hw: s.toml")
