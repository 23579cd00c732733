"""The README keeps its promises: every command and program in it runs as it is written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SCRIPTS = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


COMMAND = re.compile(r"^\$ (tinygrad-hw .*)$", re.MULTILINE)
SESSIONS = [COMMAND.findall(block) for block in blocks("console")]
SET_UP, RUN = blocks("sh")[0].splitlines()


def test_the_main_command_sets_itself_up_and_does_the_homework(tmp_path: Path) -> None:
    assert SET_UP == "python3 -m venv .venv && .venv/bin/pip install --quiet ."
    command = shlex.split(RUN)
    assert command[0] == ".venv/bin/tinygrad-hw"
    run(SCRIPTS / "tinygrad-hw", *command[1:], cwd=tmp_path)
    assert (tmp_path / "report/report.html").stat().st_size > 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]


@pytest.mark.parametrize("session", SESSIONS)
def test_commands(session: list[str], tmp_path: Path) -> None:
    for command in session:
        out = run(SCRIPTS / "tinygrad-hw", *shlex.split(command)[1:], cwd=tmp_path)
        shown = re.search(
            rf"^\$ {re.escape(command)}\n…\n(.*?)^…", README, re.DOTALL | re.MULTILINE
        )
        assert shown is None or shown[1] in out
        assert out or list(tmp_path.iterdir())


@pytest.mark.parametrize("sheet", blocks("toml"))
def test_sheet(sheet: str, tmp_path: Path) -> None:
    (tmp_path / "sheet.toml").write_text(sheet)
    out = run(SCRIPTS / "tinygrad-hw", "solve", "sheet.toml", cwd=tmp_path)
    assert "∂E/∂w = ∂E/∂a · ∂a/∂z · ∂z/∂w" in out


@pytest.mark.parametrize("program", blocks("python"))
def test_program(program: str, tmp_path: Path) -> None:
    out = run(sys.executable, "-c", program, cwd=tmp_path)
    for expected in re.findall(r"print\(.*\)  # (.*)", program):
        assert expected in out


def test_the_picture_is_what_draw_draws(tmp_path: Path) -> None:
    run(SCRIPTS / "tinygrad-hw", "draw", "q1a", "-o", "q1a.svg", cwd=tmp_path)
    assert (tmp_path / "q1a.svg").read_text() == (ROOT / "docs/q1a.svg").read_text()


def test_the_core_has_as_many_lines_as_it_says() -> None:
    [said] = re.findall(r"engine/core\): ([\d,]+) lines", README)
    files = (ROOT / "tinygrad_hw/engine/core").glob("*.py")
    lines = sum(path.read_text("utf-8").count("\n") for path in files)
    assert int(said.replace(",", "")) == lines


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout
