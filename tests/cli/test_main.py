"""The command line as a user meets it: one line and status 2 for whatever is wrong."""

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
from xml.etree import ElementTree

import pytest

from tinygrad_hw.cli.main import main
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.sheet.model import Sheet

Run = Callable[..., tuple[int, str, str]]

SHEET = """
[given]
x = 2
[parameters]
w = 0.5
[forward]
z = "{}"
[update]
loss = "z"
rate = 0.1
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        out, error = capsys.readouterr()
        return status, out, error

    return call


def test_solve_prints_and_gives_json(run: Run) -> None:
    status, out, error = run("solve", "q1a")
    assert (status, error) == (0, "")
    assert "∂E/∂w7 = ∂E/∂a4 · ∂a4/∂z4 · ∂z4/∂w7" in out
    status, out, _ = run("solve", "q1b", "--json")
    solved = json.loads(out)
    assert solved["updated"]["w1"] == 0.5
    assert solved["partials"].keys() == {f"dE/d{p}" for p in solved["updated"]}


def test_a_file_goes_before_a_shipped_sheet_of_that_name(run: Run) -> None:
    Path("q1a").write_text(SHEET.format("w*x"))
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
def test_a_bad_sheet_is_one_line(run: Run, verb: list[str], formula: str, reason: str) -> None:
    Path("s.toml").write_text(SHEET.format(formula))
    status, out, error = run(*verb, "s.toml")
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: s.toml")
    assert reason in error
    assert error.count("\n") == 1
    assert not Path("g.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "the following arguments are required: VERB"),
        (["dance"], "invalid choice: 'dance'"),
        (["solve"], "the following arguments are required: SHEET"),
        (["solve", "no.toml"], "no.toml: No such file or directory; give the path of a sheet"),
        (["draw", "q1a"], "required: -o"),
        (["draw", "q1a", "-o", "g.jpeg"], "g.jpeg"),
        (["draw", "q1a", "-o", "nowhere/g.svg"], "nowhere/g.svg"),
        (["homework", "--digits", "3,3"], "--digits is '3,3'; give two different digits"),
        (["homework", "--digits", "3"], "--digits is '3'; give two digits, such as 3,6"),
        (["homework", "--digits", "3,66"], "--digits is '3,66'"),
        (["homework", "--epochs", "0"], "--epochs is 0; give at least 1"),
        (["homework", "--epochs", "two"], "invalid int value: 'two'"),
        (["homework", "--seed", "-1"], "--seed is -1; give 0 or more"),
        (["homework", "--data", "no"], "no"),
        (["homework", "--out", "file"], "cannot write to file"),
        (["homework", "--out", "/proc/no"], "cannot write to /proc/no"),
        (["exercise"], "required: --net"),
        (["exercise", "--net", "2-x-1"], "the network is '2-x-1'; give the units of two to nine"),
        (["exercise", "--net", "9-9-9"], "a 9-9-9 network has 180 parameters; the most is 40"),
        (["exercise", "--net", "2-1", "--seed", "-1"], "--seed is -1; give 0 or more"),
        (["exercise", "--net", "2-1", "--figures", "0"], "--figures is 0; give 1 to 12"),
        (["exercise", "--net", "2-1", "--steps", "21"], "--steps is 21; give 1 to 20"),
        (["exercise", "--net", "2-1", "--count", "2"], "--count is given without a folder"),
        (["exercise", "--net", "2-1", "--count", "0", "-o", "d"], "--count is 0; give 1 to 10,000"),
        (
            ["exercise", "--net", "2-1", "-o", "s", "--key", "s"],
            "--out and --key are the same file",
        ),
        (
            ["exercise", "--net", "2-1", "-o", "file"],
            "file is there already; give another name, or",
        ),
        (["exercise", "--net", "2-1", "-o", "new", "--key", "file"], "file is there already"),
        (["exercise", "--net", "2-1", "-o", ".", "--force"], ". is not a file; give the name of"),
        (["exercise", "--net", "2-1", "-o", "file/s", "--force"], "cannot write file/s: not a dir"),
        (["exercise", "--net", "2-1", "-o", "/proc/s"], "cannot write /proc/s"),
        (["exercise", "--net", "2-1", "-o", "file", "--count", "2"], "cannot write file/sheet-001"),
        (["fill"], "the following arguments are required: FILE"),
        (["fill", "no.toml"], "no.toml: No such file or directory"),
        (["fill", "q1a"], "q1a is shipped, and stays as it is; give a file of yours"),
        (["fill", "file"], "file: there is no [forward] section"),
    ],
)
def test_bad_arguments_are_one_line(run: Run, arguments: list[str], reason: str) -> None:
    Path("file").write_text("")
    before = sorted(Path().iterdir())
    status, out, error = run(*arguments)
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: ")
    assert reason in error
    assert error.count("\n") == 1
    assert sorted(Path().iterdir()) == before


def test_a_cut_off_data_set_is_named_and_leaves_nothing(run: Run) -> None:
    Path("data").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        kind = 3 if "idx3" in name else 1
        Path(f"data/{name}-ubyte").write_bytes(bytes([0, 0, 8, kind, 0, 0, 0, 9]) + b"\0\0")
    status, _, error = run("homework", "--data", "data", "--out", "out")
    assert status == 2
    assert error.count("\n") == 1
    assert "idx" in error
    assert not Path("out").exists()


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
    assert out.startswith("function sheet({ x1, x2, ")


def test_program_says_what_is_wrong_with_a_sheet_in_one_line(run: Run) -> None:
    Path("s.toml").write_text(SHEET.format("1/w"))
    Path("s.toml").write_text(Path("s.toml").read_text().replace("w = 0.5", "w = 0"))
    status, out, error = run("program", "s.toml")
    assert (status, out) == (2, "")
    assert error.count("\n") == 1
    assert error.startswith("tinygrad-hw: s.toml")


def run_apart(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "tinygrad_hw", *arguments]
    return subprocess.Popen(command, text=True, **{**pipes, **options})


def test_a_plain_terminal_gets_plain_signs() -> None:
    with run_apart("solve", "q1a", env={**os.environ, "PYTHONIOENCODING": "ascii"}) as process:
        out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert "dE/dw7 = dE/da4 * da4/dz4 * dz4/dw7" in out


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with run_apart("solve", "q1a") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""


def hear_ctrl_c() -> None:
    """Undo what a shell does to a job in the background: it is deaf to Ctrl-C, its children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["at once", "while training"])
def test_ctrl_c_and_kill_leave_nothing(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    out = tmp_path / "out"
    arguments = "homework", "--out", str(out)
    with run_apart(*arguments, start_new_session=True, preexec_fn=hear_ctrl_c) as process:
        if moment == "while training":
            assert process.stdout is not None
            assert "Training" in process.stdout.readline()
            assert "test accuracy" in process.stdout.readline()  # the first network is done
        while not out.exists():
            assert process.poll() is None
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: to every process of the job
        else:
            process.terminate()
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert error.split() == (["tinygrad-hw:", "stopped"] if number == signal.SIGINT else [])
    assert not out.exists()


def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full, run_apart("solve", "q1a", stdout=full) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error == "tinygrad-hw: cannot write: No space left on device\n"


# --- Exercises ------------------------------------------------------------------------------------


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

    monkeypatch.setattr("tinygrad_hw.worksheet.exercises.fresh_sheet.exercise", third_is_stopped)
    status, out, error = run(
        "exercise", "--net", "1-1", "--count", "5", "-o", "class", "--key", "keys"
    )
    assert (status, out, error) == (130, "", "\ntinygrad-hw: stopped\n")
    assert not any(Path.cwd().iterdir())


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


def test_ctrl_c_keeps_what_was_typed(tmp_path: Path) -> None:
    sheet = tmp_path / "s.toml"
    sheet.write_text(SHEET.format("w*x"))
    options = {"start_new_session": True, "preexec_fn": hear_ctrl_c, "stdin": subprocess.PIPE}
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with run_apart("fill", str(sheet), env=plain, **options) as process:
        assert process.stdin is not None
        process.stdin.write("1.0\n\xff\n")
        process.stdin.flush()
        assert process.stdout is not None
        while "is not a number" not in process.stdout.readline():  # what \xff is
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.endswith(f"{sheet}: 1 filled in, 3 left\n")
    assert 'z = "1.0"' in sheet.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


# --- gradcheck ------------------------------------------------------------------------------------

OWN = """
import numpy as np
from tinygrad_hw.engine import Pointwise

cube = Pointwise("cube", lambda x: x**3, "3 * x**2")
wrong = Pointwise("wrong", lambda x: x**3, "2 * x**2")


def loss(w, x=[1.0, 2.0], b=0.1):
    return np.sum(cube(w * x + b))

def bad(w):
    return wrong(w) * 2

def detached(w):
    return w.detach() * 2

def square(x):
    return x * x

def kink(x=0.0):
    return np.abs(x)

def product(w):
    return w @ w

def spread(*w):
    return w[0]

def nothing():
    return 1.0

number = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


def test_gradcheck_of_ones_own_function(run: Run, own: str) -> None:
    status, out, error = run("gradcheck", f"{own}:loss", "--at", "w=[0.5, 1.5]")
    assert (status, error) == (0, "")
    assert out.splitlines()[:3] == [
        "argument 0: w = [0.5 1.5]",
        "argument 1: x = [1.0, 2.0]",
        "argument 2: b = 0.1",
    ]
    assert "right: first and second derivatives, backward and forward" in out
    status, out, _ = run("gradcheck", f"{own}:cube", "--at", "x=[[1, 2], [3, 4]]")
    assert (status, out.splitlines()[0]) == (0, "argument 0: x = [[1. 2.] [3. 4.]]")
    drawn = [run("gradcheck", f"{own}:loss", "--seed", seed)[1] for seed in "001"]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (
            "bad",
            r"WRONG, or a kink or jump.*: w: backward\(\) gives 4, central differences give 6",
        ),
        ("kink --at x=0", r"WRONG, or a kink.*: x: second derivative: backward\(\) gives 0"),
        (
            "detached",
            "WRONG.*: the function's result does not depend on its arguments: was a number",
        ),
    ],
)
def test_gradcheck_says_what_is_wrong(run: Run, own: str, function: str, text: str) -> None:
    function, *points = function.split()
    status, out, error = run("gradcheck", f"{own}:{function}", *(points or ("--at", "w=1")))
    assert (status, error) == (1, "")
    assert re.search(text, out)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["{}"], "names no function; write FILE.py:function"),
        (["nowhere.py:loss"], "there is no file 'nowhere.py'"),
        (["{}:loose"], "has no function 'loose'"),
        (["{}:number"], "has no function 'number'"),
        (["{}:nothing"], "nothing takes no argument"),
        (["{}:spread"], "spread takes *w"),
        (["{}:product"], "product fails at these arguments: ValueError: matmul("),
        (["{}:loss", "--at", "q=1"], "loss has no argument 'q'; it has w, x, b"),
        (["{}:cube", "--at", "w=1"], "cube has no argument 'w'; it has x"),
        (["{}:loss", "--at", "w=one"], "--at 'w=one' is not NAME=VALUE"),
        (["{}:loss", "--at", "w=[[1], 2]"], "is not NAME=VALUE"),
        (["{}:loss", "--seed", "-1"], "--seed is -1; give 0 or more"),
    ],
)
def test_gradcheck_refuses_in_one_line(run: Run, own: str, arguments: list[str], text: str) -> None:
    status, _, error = run("gradcheck", *[part.format(own) for part in arguments])
    assert status == 2
    assert text in error
    assert error.count("\n") == 1


def test_gradcheck_of_a_file_that_cannot_be_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(x):\n  return (\n")
    status, _, error = run("gradcheck", "broken.py:f")
    assert status == 2
    assert "broken.py cannot be run: SyntaxError" in error
    assert error.count("\n") == 1


# --- check ----------------------------------------------------------------------------------------


def test_check_marks_a_sheet_and_exits_with_0(run: Run) -> None:
    status, out, error = run("check", "q1a")
    assert (status, error) == (0, "")
    assert "  dE/dw4 = -9.5345e-8 has two digits changed round; -9.5435e-8 would fit.\n" in out
    assert out.endswith("9 wrong. Points: 99.5 of 104.\n")
    assert "9.5435e-8" not in run("check", "q1a", "--hints", "2")[1]
    assert run("check", "q1a", "--weights", "slip=0")[1].endswith("Points: 95 of 104.\n")


def test_check_gives_json(run: Run) -> None:
    marked = json.loads(run("check", "q1b", "--json")[1])
    assert marked["summary"] == {"exact": 75, "rounded": 16, "follows": 0, "wrong": 0, "missing": 0}
    assert len(marked["items"]) == 91
    assert marked["student"] == "the homework"


def test_check_writes_a_page_where_it_is_told_or_by_the_sheet_s_name(run: Run) -> None:
    status, out, _ = run("check", "q1a", "--html")
    assert status == 0
    assert out.endswith("Page: q1a.html\n")
    run("check", "q1a", "--html", "back/a.html", "--hints", "1")
    assert "two digits changed round" in Path("q1a.html").read_text("utf-8")
    assert "two digits changed round" not in Path("back/a.html").read_text("utf-8")


def test_check_marks_a_folder(run: Run) -> None:
    run("exercise", "--net", "1-1", "--count", "3", "-o", "class", "--key", "keys")
    Path("keys/key-002.toml").write_text("[")
    status, out, error = run("check", "keys", "--csv", "marks.csv", "--html", "pages")
    assert (status, error) == (0, "")
    assert out.startswith("2 of 3 sheets marked\nPoints: mean 100.0 %")
    assert "Not marked\n  keys/key-002.toml: is not TOML" in out
    assert len(Path("marks.csv").read_text("utf-8-sig").splitlines()) == 4
    assert sorted(p.name for p in Path("pages").iterdir()) == ["key-001.html", "key-003.html"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "nowhere.toml: No such file or directory; give the path of a sheet"),
        (["."], ".: there is no .toml file in this folder"),
        ([".", "--json"], ".: is a folder; --json is for one sheet, --csv for a folder"),
        (["q1a", "--csv", "x.csv"], "--csv is for a folder of sheets"),
        (["q1a", "--hints", "4"], "argument --hints: invalid choice: 4"),
        (["q1a", "--weights", "x=1"], "'x=1' sets no weight; write one of forward, factor"),
        (["empty.toml"], "empty.toml: there are no answers to mark; fill in [answers]"),
        (["word.toml"], "word.toml, line 12: z = 'one' is not a number"),
    ],
)
def test_check_says_in_one_line_what_is_wrong(run: Run, arguments: list[str], message: str) -> None:
    Path("sheets").mkdir()
    if arguments[0].endswith(".toml"):
        Path("empty.toml").write_text(SHEET.format("w*x"))
        Path("word.toml").write_text(SHEET.format("w*x") + '[answers.forward]\nz = "one"\n')
    status, out, error = run("check", *arguments)
    assert (status, out) == (2, "")
    assert error.startswith(f"tinygrad-hw: {message}")
    assert error.count("\n") == 1


def test_check_leaves_nothing_half_written(run: Run) -> None:
    Path("taken").write_text("mine")
    status, _, error = run("check", "q1a", "--html", "taken/page.html")
    assert status == 2
    assert error.count("\n") == 1
    assert Path("taken").read_text() == "mine"
    assert [path.name for path in Path.cwd().iterdir()] == ["taken"]
