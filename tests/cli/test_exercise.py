"""The verbs that make sheets and fill them in."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import mark, parse_sheet, read_sheet
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.sheet.model import Sheet

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


def solved(run: Run, path: str) -> dict[str, Any]:
    status, out, error = run("solve", path, "--json")
    assert (status, error) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_an_exercise_is_printed_or_written_with_its_key(run: Run) -> None:
    status, printed, error = run("exercise", "--net", "2-3-1", "--seed", "7")
    assert (status, error) == (0, "")
    assert 'title = "A 2-3-1 network of sigmoids, no. 7"' in printed
    assert 'z1 = "w1*x1 + w2*x2 + b1"' in printed
    assert printed.count('""') == 1 + 9 + (4 * 3 + 4) + (9 * 5 + 9) + 13 + 13
    to_files = ("exercise", "--net", "2-3-1", "--seed", "7", "-o", "s.toml", "--key", "new/k.toml")
    assert run(*to_files) == (0, "Sheet: s.toml, its key: new/k.toml\n", "")
    assert Path("s.toml").read_text() == printed
    key = Path("new/k.toml").read_text()
    assert key.count('""') == 1  # of the student's label
    answers = re.findall(r'^(\w+) = "([-.\d]+)"$', key, re.MULTILINE)
    solution = solved(run, "s.toml")
    for name, value in answers[:9]:
        assert float(value) == pytest.approx(solution["forward"][name], rel=5.1e-4)
    assert run("exercise", "--net", "2-3-1", "--seed", "8")[1] != printed


MATRICES = """\
student = "A. Teacher"
[given]
x = [2, 3]
[parameters]
W = [[1, 2], [0, 1]]
[forward]
z = "W @ x"
E = "sum(z**2) / 2"
[update]
loss = "E"
rate = 0.1
[ask]
forward = ["z"]
partials = ["dE/dz", "dE/dW[1,2]"]
"""


def test_a_shipped_sheet_is_printed_as_it_is_and_one_s_own_in_numbers(run: Run) -> None:
    assert run("sheet", "q1a") == (0, sheet_path("q1a").read_text("utf-8"), "")
    Path("mine.toml").write_text(MATRICES)
    status, printed, error = run("sheet", "mine.toml")
    assert (status, error) == (0, "")
    assert 'z_2 = "W_21*x_1 + W_22*x_2"\nE = "(z_1**2 + z_2**2) / 2"\n' in printed
    assert parse_sheet(printed) == parse_sheet(MATRICES)


def test_a_sheet_to_hand_out_is_made_of_one_s_own(run: Run) -> None:
    Path("mine.toml").write_text(MATRICES)
    made = run("blank", "mine.toml", "-o", "blank.toml", "--key", "key.toml")
    assert made == (0, "Sheet: blank.toml, its key: key.toml\n", "")
    printed = run("blank", "mine.toml")[1]
    assert Path("blank.toml").read_text() == printed
    assert "A. Teacher" not in printed
    assert printed.count('= ""\n') == 2 + 2 + 3  # title and name, two values, three partials
    assert run("check", "blank.toml")[1].endswith("5 missing. Points: 0 of 5.\n")
    assert run("check", "key.toml")[1].endswith("5 exact, 0 honestly rounded. Points: 5 of 5.\n")


def test_what_was_answered_is_blank_again(run: Run) -> None:
    printed = run("blank", "q1b")[1]
    sheet = read_sheet(sheet_path("q1b"))
    blank = parse_sheet(printed)
    assert list(blank.answers.forward) == list(sheet.answers.forward)
    assert [item.verdict for item in mark(blank).items] == ["missing"] * 91


def test_figures_and_steps_of_an_exercise(run: Run) -> None:
    options = shlex.split("exercise --net 2-2-1 --figures 3 --steps 2 -o s.toml --key k.toml")
    assert run(*options) == (0, "Sheet: s.toml, its key: k.toml\n", "")
    text, key = Path("s.toml").read_text(), Path("k.toml").read_text()
    assert "figures = 3" in text
    assert "steps = 2" in text
    assert "[answers.step2.updated]" in text
    steps = solved(run, "s.toml")["steps"]
    assert len(steps) == 2
    table = re.findall(r'(\w+) = "(.*)"', key.split("[answers.table]")[1])
    assert {name: float(x) for name, x in table} == pytest.approx(steps[1]["updated"], rel=5.1e-3)
    assert "Step 2 of 2" in run("solve", "s.toml")[1]


def test_a_class_gets_different_sheets_in_one_command(run: Run) -> None:
    options = shlex.split("exercise --net 2-2-1 --seed 3 --count 12 -o class --key keys")
    status, out, error = run(*options)
    assert (status, out, error) == (0, "12 sheets in class, their keys in keys\n", "")
    sheets = sorted(Path("class").iterdir())
    assert [path.name for path in sheets] == [f"sheet-{i:03}.toml" for i in range(1, 13)]
    assert len({path.read_text() for path in sheets}) == 12
    assert sheets[2].read_text() == run("exercise", "--net", "2-2-1", "--seed", "5")[1]
    for path in sheets:
        key = Path("keys") / path.name.replace("sheet", "key")
        assert solved(run, str(key)) == solved(run, str(path))
    sheets[3].write_text("mine")
    sheets[4].unlink()
    status, out, error = run(*options)
    assert (status, out) == (2, "")
    assert "sheet-004.toml is there already; give another name, or --force to replace it" in error
    assert not sheets[4].exists()
    assert run(*options, "--force")[0] == 0
    assert sheets[3].read_text() != "mine"


def test_ctrl_c_leaves_no_part_of_a_class(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def third_is_stopped(*arguments: Any, **options: Any) -> Sheet:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(exercise(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("tinygrad_hw.worksheet.exercise", third_is_stopped)
    status, out, error = run(
        "exercise", "--net", "1-1", "--count", "5", "-o", "class", "--key", "keys"
    )
    assert (status, out, error) == (130, "", "\ntinygrad-hw: stopped\n")
    assert not any(Path.cwd().iterdir())


def test_a_file_that_would_be_lost_is_told_before_all_sheets_are_made(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def counted(*arguments: Any, **options: Any) -> Sheet:
        made.append(exercise(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("tinygrad_hw.worksheet.exercise", counted)
    Path("class").mkdir()
    Path("class/sheet-002.toml").write_text("mine")
    status, out, error = run("exercise", "--net", "1-1", "--count", "9", "-o", "class")
    assert (status, out, len(made)) == (2, "", 2)
    assert "class/sheet-002.toml is there already; give another name, or --force" in error
    assert [path.name for path in Path("class").iterdir()] == ["sheet-002.toml"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [([], "Making a sheet"), (["--count", "2", "-o", "class"], "Making sheets")],
)
def test_progress_is_shown_on_a_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], shown: str
) -> None:
    """A single sheet may take long, too."""
    assert run("exercise", "--net", "1-1", *options)[2] == ""
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich take any file for a terminal
    status, out, error = run("exercise", "--net", "1-1", *options, "--force")
    assert status == 0
    assert shown in error
    assert shown not in out


@pytest.fixture
def type_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    def fill(typed: str) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status, out, error = run("fill", "s.toml")
        assert (status, error) == (0, "")
        return out.splitlines()

    return fill


def test_fill_asks_and_writes(run: Run, type_in: Callable[[str], list[str]]) -> None:
    run("exercise", "--net", "2-3-1", "--seed", "7", "-o", "s.toml")
    before = Path("s.toml").read_text()
    out = type_in("0.7\nnonsense\n−3,18·10⁻⁴\n\nb\nb\n.5\n")
    assert out[2:4] == ["1 of 105   z1 = w1*x1 + w2*x2 + b1", "  z1 = 0.7"]
    assert "  'nonsense' is not a number" in out
    assert "  a1 (now −3,18·10⁻⁴) = .5" in out
    assert out[-1] == "s.toml: 2 filled in, 103 left"
    after = before.replace('z1 = ""', 'z1 = "0.7"').replace('a1 = ""', 'a1 = ".5"')
    assert Path("s.toml").read_text() == after
    assert type_in("q\n")[2] == "1 of 103   z2 = w3*x1 + w4*x2 + b2"
    assert "  factor da4/dz4 = " in type_in("\n" * 10)
    assert Path("s.toml").read_text() == after


def test_ctrl_c_keeps_what_was_typed(
    tmp_path: Path, sheet: str, run_apart: RunApart, own_job: dict[str, Any]
) -> None:
    path = tmp_path / "s.toml"
    path.write_text(sheet.format("w*x"))
    options = {**own_job, "stdin": subprocess.PIPE}
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with run_apart("fill", str(path), env=plain, **options) as process:
        assert process.stdin is not None
        process.stdin.write("1.0\n\xff\n")
        process.stdin.flush()
        assert process.stdout is not None
        while "is not a number" not in process.stdout.readline():  # what \xff is
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.endswith(f"{path}: 1 filled in, 3 left\n")
    assert 'z = "1.0"' in path.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


def test_fill_asks_where_stderr_is_closed(tmp_path: Path, sheet: str) -> None:
    """Python's input() does not work without one."""
    path = tmp_path / "s.toml"
    path.write_text(sheet.format("w*x"))
    command = [sys.executable, "-m", "tinygrad_hw", "fill", str(path)]
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", *command],
        input="1.0\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.endswith(f"{path}: 1 filled in, 3 left\n")
